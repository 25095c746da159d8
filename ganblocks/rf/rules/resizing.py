"""Interpolation, pixel shuffle and its inverse."""

from __future__ import annotations

from ganblocks.rf.call import Call
from ganblocks.rf.region import InputRegion
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
def resize(call: Call) -> InputRegion:
    """Reads the pixels nearest to every position of the new map."""
    call.detail = MODES[call.name.removeprefix("aten.")]
    region = call.region()
    axes = len(region.dims) - 2
    names = ["scales"] if axes == 1 else [f"scales_{letter}" for letter in "dhw"[3 - axes :]]
    factors = call.arguments.get("scale_factors") or [call.arguments.get(name) for name in names]
    corners = bool(call.arguments.get("align_corners"))
    for dim, factor in enumerate(factors, 2):
        count, length = call.out.shape[dim], region.shape[dim]
        if count != length and (factor is None or corners):
            call.require_size(region, dim)
        region = region.gather(dim, resized(count, length, call.detail, corners, factor))
    return region.copied_from(call.region())


@aten("pixel_shuffle")
def pixel_shuffle(call: Call) -> InputRegion:
    """Turns r² channels into r×r pixels."""
    region, r = call.region(), call["upscale_factor"]
    *batch, channels, height, width = region.shape
    n = len(batch)
    apart = region.reshape([*batch, channels // r**2, r, r, height, width])
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return apart.permute(order).reshape(call.out.shape)


@aten("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> InputRegion:
    """Turns r×r pixels into r² channels."""
    region, r = call.region(), call["downscale_factor"]
    *batch, channels, height, width = region.shape
    n = len(batch)
    apart = region.reshape([*batch, channels, height // r, r, width // r, r])
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return apart.permute(order).reshape(call.out.shape)


@aten("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> InputRegion:
    """Interleaves the channels of the groups."""
    region, groups = call.region(), call["groups"]
    batch, channels, *space = region.shape
    apart = region.reshape([batch, groups, channels // groups, *space])
    order = [0, 2, 1, *range(3, 3 + len(space))]
    return apart.permute(order).reshape(region.shape)
