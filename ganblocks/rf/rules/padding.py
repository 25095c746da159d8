"""Pads and crops."""

from __future__ import annotations

from math import prod

from ganblocks.rf.call import Call
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import mirrored, steps


@aten("constant_pad_nd")
def constant_pad(call: Call) -> Reach:
    """Moves the map; what is added sees nothing, and a negative pad crops."""
    reach = call.reach()
    for dim, (before, _) in _sides(call["pad"]).items():
        reach = reach.gather(dim, steps(call.out.shape[dim], -before))
    return reach


@aten(*(f"{mode}_pad{n}d" for mode in ("reflection", "replication") for n in (1, 2, 3)))
def mirror_pad(call: Call) -> Reach:
    """Adds copies of pixels of the map."""
    mode = "reflect" if "reflection" in call.name else "replicate"
    reach = call.reach()
    for dim, (before, _) in _sides(call["padding"]).items():
        count, length = call.out.shape[dim], reach.shape[dim]
        reach = reach.gather(dim, mirrored(count, length, before, mode))
    return reach


@aten("roll")
def roll(call: Call) -> Reach:
    """Turns the map round; what leaves on one side comes back on the other."""
    reach = call.reach()
    shape = reach.shape
    dims = call["dims"] or [0]
    if not call["dims"]:
        reach = reach.reshape([prod(shape)])
    for dim, shift in zip(dims, call["shifts"], strict=True):
        length = reach.shape[dim]
        taps = mirrored(length, length, shift % length, "circular")
        reach = reach.ended(reach.axis(dim)).gather(dim, taps)
    return reach.reshape(shape)


def _sides(pad: list[int]) -> dict[int, tuple[int, int]]:
    """Writes torch's padding, last dimension first, by dimension."""
    return {-1 - i // 2: (pad[i], pad[i + 1]) for i in range(0, len(pad), 2)}
