"""Convolutions and transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import transposed_window, window


@aten("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution")
def convolution(call: Call) -> Reach:
    """Slides a window along every axis and mixes the channels of each group."""
    if call.walk.tracker.reach(call["weight"]) is not None:
        raise UnknownOperationError(
            f"{call.walk.place()}the weights of a convolution depend on the image: not followed"
        )
    reach = call.reach()
    kernels = call["weight"].shape[2:]
    for axis, kernel in enumerate(kernels):
        count = call.out.shape[2 + axis]
        stride, padding, dilation = (
            numbers(call[name], len(kernels))[axis] for name in ("stride", "padding", "dilation")
        )
        taps = (
            transposed_window(count, kernel, stride, padding, dilation)
            if call["transposed"]
            else window(count, kernel, stride, padding, dilation)
        )
        reach = reach.gather(2 + axis, taps)
    call.detail = _detail(call, kernels)
    return mixed_in_groups(reach, call["groups"]).with_channels(call.out.shape[1])


def mixed_in_groups(reach: Reach, groups: int) -> Reach:
    """Returns each group of channels what any of its channels sees: (B, groups, *spatial)."""
    batch, channels, *space = reach.shape
    if groups == 1:
        return reach.reduce([1])
    if groups == channels:
        return reach
    apart = reach.reshape([batch, groups, channels // groups, *space])
    return apart.reduce([2]).reshape([batch, groups, *space])


def numbers(value: Sequence[int] | int, count: int) -> list[int]:
    """Writes one number for each axis."""
    listed = [value] if isinstance(value, int) else list(value)
    return listed if len(listed) == count else listed * count


def _detail(call: Call, kernels: Sequence[int]) -> str:
    words = [("k", list(kernels))]
    words += [
        (letter, numbers(call[name], len(kernels)))
        for letter, name in (("s", "stride"), ("p", "padding"), ("d", "dilation"))
    ]
    usual = {"s": 1, "p": 0, "d": 1}
    return " ".join(
        letter + ("×".join(map(str, ns)) if len(set(ns)) > 1 else str(ns[0]))
        for letter, ns in words
        if set(ns) != {usual.get(letter)}
    )
