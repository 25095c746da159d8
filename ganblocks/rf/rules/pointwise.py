"""Pointwise operations, and those that only create or copy tensors."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import RULES, aten

SCALING = ("aten.mul", "aten.div", "aten.sub", "aten.rsub", "aten.addcmul", "aten.addcdiv")


@aten(
    *("hardswish", "_prelu_kernel", "prelu", "rrelu", "rrelu_with_noise", "clone", "detach"),
    *("alias", "_to_copy", "lift_fresh", "contiguous", "masked_fill", "nan_to_num"),
    *("native_dropout", "log_sigmoid_forward"),
    # Older torch does not tag these as pointwise.
    *("leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardtanh"),
)
def pointwise(call: Call) -> InputRegion:
    """Joins what the arguments see at each element."""
    regions = call.regions()
    if call.name.rstrip("_") in SCALING:
        kept = [r for r in regions if not any(_is_gate(r, other) for other in regions)]
        if len(kept) < len(regions) and call.ignore_statistics():
            regions = kept
    shape = call.outputs[0].shape
    return union([region.expand(shape).copied_from(region) for region in regions], shape)


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
    """Creates a tensor that depends only on another's shape."""


def _is_gate(region: InputRegion, other: InputRegion) -> bool:
    """Returns whether a factor is one value for another's map, broadcast or copied over it."""
    factor, other = region.with_single_factors(), other.with_single_factors()
    scaled = False
    for gate, seen, box in zip(factor.support, other.support, other.box, strict=True):
        if gate.lo.max() > seen.lo.min() or gate.hi.min() < seen.hi.max():
            return False
        dims = [d for d in range(-len(other.dims), 0) if other.shape[d] > 1 and box.varies(d)]
        if dims and not any(_is_constant(region, d) for d in dims):
            return False
        scaled |= bool(dims)
    return scaled


def _is_constant(region: InputRegion, dim: int) -> bool:
    """Returns whether a tensor has one value along a dimension, counted from the last."""
    count = len(region.dims)
    return count + dim < 0 or region.shape[dim] == 1 or count + dim in region.constant
