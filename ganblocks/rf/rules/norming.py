"""Norms: of the map's own statistics, which are ignored or counted, or of stored ones."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.joining import union
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.convolving import mixed_in_groups
from ganblocks.rf.rules.table import aten


@aten(
    *("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "batch_norm"),
    *("_native_batch_norm_legit_functional", "_batch_norm_with_update", "instance_norm"),
)
def batch_norm(call: Call) -> Reach:
    """Scales and shifts each channel, in training by its mean and deviation over the map."""
    reach = call.reach()
    own = call.arguments.get("training", call.arguments.get("use_input_stats"))
    if not own or left_out(call):
        return reach
    space = list(range(2, len(reach.dims)))
    call.needs_size(reach, space)
    return union([reach, reach.reduce(space)], reach.shape)


@aten("_native_batch_norm_legit_no_training", "_batch_norm_no_update")
def stored_norm(call: Call) -> Reach:
    """Scales and shifts each channel by stored statistics."""
    return call.reach()


@aten("native_group_norm")
def group_norm(call: Call) -> Reach:
    """Scales and shifts by the mean and deviation of a group of channels over the map."""
    reach = call.reach()
    if left_out(call):
        return reach
    space = list(range(2, len(reach.dims)))
    call.needs_size(reach, space)
    batch, channels, *sides = reach.shape
    pooled = mixed_in_groups(reach.reduce(space), call["group"])
    groups = pooled.shape[1]
    wide = pooled.reshape([batch, groups, 1, *[1] * len(sides)]).expand(
        [batch, groups, channels // groups, *[1] * len(sides)]
    )
    return union([reach, wide.reshape([batch, channels, *[1] * len(sides)])], reach.shape)


@aten("native_layer_norm", "_fused_rms_norm", "rms_norm", "layer_norm")
def layer_norm(call: Call) -> Reach:
    """Scales and shifts by statistics of the last dimensions, be they channels or space."""
    reach = call.reach()
    dims = list(range(len(reach.dims) - len(call["normalized_shape"]), len(reach.dims)))
    axes = {reach.axis(d) + i for d in dims for i in range(len(reach.dims[d]))}
    if any(span.runs(axis) for span in reach.field for axis in axes):
        if left_out(call):
            return reach
        call.needs_size(reach, dims)
    return reach.reduce(dims).expand(reach.shape)


def left_out(call: Call) -> bool:
    """Tells whether statistics of the map are ignored, and remarks that they are."""
    if call.walk.statistics == "counted":
        return False
    call.note = "statistics of the map ignored"
    call.walk.ignored.append(f"{call.walk.place()}{call.name.removeprefix('aten.')}")
    return True
