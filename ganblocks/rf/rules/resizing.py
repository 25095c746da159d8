"""Interpolation, pixel shuffle and its inverse."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import resized

MODES = {
    **{f"upsample_nearest{n}d": "nearest" for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": "nearest-exact" for n in (1, 2, 3)},
    "upsample_linear1d": "linear",
    "upsample_bilinear2d": "linear",
    "upsample_trilinear3d": "linear",
    "upsample_bicubic2d": "cubic",
}


@aten(*MODES)
def resize(call: Call) -> Reach:
    """Reads the nearest pixels of every place of the new map."""
    mode = MODES[call.name.removeprefix("aten.")]
    reach = call.reach()
    axes = len(reach.dims) - 2
    named = [call.arguments.get(f"scales_{letter}") for letter in "dhw"[3 - axes :]]
    if axes == 1:
        named = [call.arguments.get("scales")]
    factors = call.arguments.get("scale_factors") or named
    call.detail = mode
    for axis in range(axes):
        dim = 2 + axis
        count, length = call.out.shape[dim], reach.shape[dim]
        if factors[axis] is None and count != length:
            call.needs_size(reach, [dim])
        corners = bool(call.arguments.get("align_corners"))
        if corners and count != length:
            call.needs_size(reach, [dim])
        reach = reach.gather(dim, resized(count, length, mode, corners, factors[axis]))
    return reach


@aten("pixel_shuffle")
def pixel_shuffle(call: Call) -> Reach:
    """Lays r² channels out as r×r pixels."""
    reach, r = call.reach(), call["upscale_factor"]
    *batch, channels, height, width = reach.shape
    n = len(batch)
    apart = reach.reshape([*batch, channels // r**2, r, r, height, width])
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return apart.permute(order).reshape(call.out.shape)


@aten("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Reach:
    """Lays r×r pixels out as r² channels."""
    reach, r = call.reach(), call["downscale_factor"]
    *batch, channels, height, width = reach.shape
    n = len(batch)
    apart = reach.reshape([*batch, channels, height // r, r, width // r, r])
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return apart.permute(order).reshape(call.out.shape)


@aten("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> Reach:
    """Deals the channels of the groups out in turn."""
    reach, groups = call.reach(), call["groups"]
    batch, channels, *space = reach.shape
    apart = reach.reshape([batch, groups, channels // groups, *space])
    order = [0, 2, 1, *range(3, 3 + len(space))]
    return apart.permute(order).reshape(reach.shape)
