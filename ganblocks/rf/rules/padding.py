"""Pads, crops and rolls."""

from __future__ import annotations

from math import prod

from ganblocks.rf.call import Call
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import padded, steps


@aten("constant_pad_nd")
def constant_pad(call: Call) -> InputRegion:
    """Shifts the map; added entries see nothing, and a negative pad crops."""
    region = call.region()
    for n, before in enumerate(call["pad"][::2], 1):  # last dimension first
        region = region.gather(-n, steps(call.out.shape[-n], -before))
    return region


@aten(*(f"{mode}_pad{n}d" for mode in ("reflection", "replication") for n in (1, 2, 3)))
def mirror_pad(call: Call) -> InputRegion:
    """Pads by copying pixels of the map."""
    mode = "reflect" if "reflection" in call.name else "replicate"
    region = call.region()
    for n, before in enumerate(call["padding"][::2], 1):
        taps = padded(call.out.shape[-n], region.shape[-n], before, mode)
        region = region.gather(-n, taps)
    return region


@aten("roll")
def roll(call: Call) -> InputRegion:
    """Shifts the map cyclically."""
    region = call.region()
    shape = region.shape
    if not call["dims"]:
        region = region.reshape([prod(shape)])
    for dim, shift in zip(call["dims"] or [0], call["shifts"], strict=True):
        length = region.shape[dim]
        region = region.ended(region.axes(dim)[0])
        region = region.gather(dim, padded(length, length, shift % length, "circular"))
    return region.reshape(shape)
