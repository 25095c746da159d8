"""Products of matrices, and attention."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import aten
from ganblocks.rf.torch_internals import tensors_in


@aten("mm", "bmm", "addmm", "baddbmm", "matmul", "mv", "addmv", "dot")
def matrix_product(call: Call) -> InputRegion:
    """Joins a row of the left matrix and a column of the right one."""
    *added, left, right = tensors_in(call.arguments)
    parts = []
    for tensor, dim in ((left, -1), (right, max(-2, -right.ndim))):
        region = call.find(tensor)
        if region is not None:
            call.require_size(region, dim)
            parts.append(region.reduce([dim]))
    parts += [region for tensor in added if (region := call.find(tensor)) is not None]
    return union(parts, call.out.shape)


@aten(
    *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention"),
    *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
    *("_scaled_dot_product_attention_math", "_scaled_dot_product_fused_attention_overrideable"),
)
def attention(call: Call) -> InputRegion:
    """Lets each query see itself, all keys and all values."""
    query, key, value = call.region("query"), call.region("key"), call.region("value")
    for region in (key, value):
        call.require_size(region, -2)
    parts = [query.reduce([-1]), key.reduce([-1, -2]), value.reduce([-2])]
    return union(parts, call.out[0].shape)
