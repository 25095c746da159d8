"""Operations on each element by itself, and those that only make or copy tensors."""

from __future__ import annotations

from torch import Tensor

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.norming import left_out
from ganblocks.rf.rules.table import RULES, aten

SCALING = ("aten.mul", "aten.div", "aten.sub", "aten.rsub", "aten.addcmul", "aten.addcdiv")


@aten(
    *("hardswish", "_prelu_kernel", "prelu", "rrelu", "rrelu_with_noise", "clone", "detach"),
    *("alias", "_to_copy", "lift_fresh", "contiguous", "masked_fill", "nan_to_num"),
    # Older torch does not call these pointwise.
    *("leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardtanh"),
)
def pointwise(call: Call) -> Reach:
    """Joins what the arguments see at each element."""
    out = call.out if isinstance(call.out, Tensor) else call.out[0]
    reaches = call.tracked()
    if call.name.rstrip("_") in SCALING and len(reaches) > 1:
        kept = [r for r in reaches if not _pooled(r, reaches)]
        if len(kept) < len(reaches) and left_out(call):
            reaches = kept
    return union(reaches, out.shape)


RULES["pointwise"] = pointwise


@aten("native_dropout")
def native_dropout(call: Call) -> Reach:
    """Leaves out elements at random."""
    return call.reach()


@aten("copy", "copy_")
def copy(call: Call) -> Reach | None:
    """Takes what the source sees."""
    return call.reach_of(call["src"]).expand(call["self"].shape)


@aten(
    *("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like"),
    *("new_empty", "new_zeros", "new_ones", "new_full", "bernoulli", "bernoulli_", "normal_"),
    *("zero_", "fill_", "uniform_", "zero", "fill", "new_empty_strided"),
)
def constant(call: Call) -> None:
    """Makes a tensor that depends on the other's shape alone."""


def _pooled(reach: Reach, all_of: list[Reach]) -> bool:
    """Tells whether a factor is one value of the whole map, broadcast over another one."""
    space = reach.axis(min(2, len(reach.dims) - 1))
    varies = any(n > 1 for span in reach.seen for n in span.lo.shape[space:])
    if varies or any(span.run for span in reach.field):
        return False
    return any(
        any(span.run for span in other.field)
        and any(n < m for n, m in zip(reach.shape[::-1], other.shape[::-1], strict=False))
        for other in all_of
    )
