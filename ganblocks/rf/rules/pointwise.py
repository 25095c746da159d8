"""Operations on each element by itself, and those that only make or copy tensors."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import RULES, aten

SCALING = ("aten.mul", "aten.div", "aten.sub", "aten.rsub", "aten.addcmul", "aten.addcdiv")


@aten(
    *("hardswish", "_prelu_kernel", "prelu", "rrelu", "rrelu_with_noise", "clone", "detach"),
    *("alias", "_to_copy", "lift_fresh", "contiguous", "masked_fill", "nan_to_num"),
    "native_dropout",
    # Older torch does not tag these as pointwise.
    *("leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardtanh"),
)
def pointwise(call: Call) -> InputRegion:
    """Joins what the arguments see at each element."""
    regions = call.regions()
    if call.name.rstrip("_") in SCALING:
        kept = [region for region in regions if not _is_gate(region, regions)]
        if len(kept) < len(regions) and call.ignore_statistics():
            regions = kept
    return union(regions, call.outputs[0].shape)


RULES["pointwise"] = pointwise


@aten("copy", "copy_")
def copy(call: Call) -> InputRegion:
    """Returns what the source sees."""
    return call.region("src").expand(call["self"].shape)


@aten(
    *("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like"),
    *("new_empty", "new_zeros", "new_ones", "new_full", "bernoulli", "bernoulli_", "normal_"),
    *("zero_", "fill_", "uniform_", "zero", "fill", "new_empty_strided"),
)
def constant(call: Call) -> None:
    """Makes a tensor that depends only on the shape of another."""


def _is_gate(region: InputRegion, regions: list[InputRegion]) -> bool:
    """Whether a factor is one value of the whole map, broadcast over another factor."""
    space = region.axes(min(2, len(region.dims) - 1))[0]
    if any(n > 1 for array in region.support for n in array.lo.shape[space:]):
        return False
    if any(array.pattern for array in region.box):
        return False
    return any(
        any(array.pattern for array in other.box)
        and any(n < m for n, m in zip(region.shape[::-1], other.shape[::-1], strict=False))
        for other in regions
    )
