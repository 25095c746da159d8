"""Products of matrices, and attention."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.table import aten

OPERANDS = ("input", "self", "batch1", "mat1", "batch2", "mat2", "tensor2", "vec")


@aten("mm", "bmm", "addmm", "baddbmm", "matmul", "mv")
def matrix_product(call: Call) -> Reach:
    """Joins a row of the left to a column of the right."""
    names = [name for name in OPERANDS if name in call.arguments]
    added = names.pop(0) if len(names) > 2 else None
    left, right = names
    parts = []
    for name, dim in ((left, -1), (right, -1 if right == "vec" else -2)):
        reach = call.walk.tracker.reach(call[name])
        if reach is not None:
            call.needs_size(reach, [dim % len(reach.dims)])
            parts.append(reach.reduce([dim]))
    extra = call.walk.tracker.reach(call[added]) if added else None
    return union([*parts, *([extra] if extra is not None else [])], call.out.shape)


@aten(
    *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention"),
    *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
    *("_scaled_dot_product_attention_math", "_scaled_dot_product_fused_attention_overrideable"),
)
def attention(call: Call) -> Reach:
    """Lets each query see itself, all keys and all values."""
    query, key, value = call.reach("query"), call.reach("key"), call.reach("value")
    for reach in (key, value):
        call.needs_size(reach, [len(reach.dims) - 2])
    parts = [query.reduce([-1]), key.reduce([-1, -2]), value.reduce([-2])]
    return union(parts, call.out[0].shape)
