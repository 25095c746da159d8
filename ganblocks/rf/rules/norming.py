"""Norms with the map's own statistics, which are ignored or counted, or with stored ones."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import aten


@aten(
    *("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "batch_norm"),
    *("_native_batch_norm_legit_functional", "_batch_norm_with_update", "instance_norm"),
    *("_native_batch_norm_legit_no_training", "_batch_norm_no_update"),
)
def batch_norm(call: Call) -> InputRegion:
    """Scales and shifts each channel, by stored statistics or by those of the map."""
    own = call.arguments.get("training", call.arguments.get("use_input_stats"))
    return _with_statistics(call, call.region().shape[1]) if own else call.region()


@aten("native_group_norm")
def group_norm(call: Call) -> InputRegion:
    """Scales and shifts by the mean and deviation of a group of channels over the map."""
    return _with_statistics(call, call["group"])


@aten("native_layer_norm", "_fused_rms_norm", "rms_norm", "layer_norm")
def layer_norm(call: Call) -> InputRegion:
    """Scales and shifts by statistics of the last dimensions, whether channels or space."""
    region = call.region()
    dims = range(-len(call["normalized_shape"]), 0)
    if any(region.periodic(dim) for dim in dims):
        if call.ignore_statistics():
            return region
        call.require_size(region, *dims)
    return region.reduce(dims).expand(region.shape)


def _with_statistics(call: Call, groups: int) -> InputRegion:
    region = call.region()
    if call.ignore_statistics():
        return region
    space = range(2, len(region.dims))
    call.require_size(region, *space)
    statistics = region.reduce(space).reduce_groups(groups).expand_groups(region.shape[1])
    return union([region, statistics], region.shape)
