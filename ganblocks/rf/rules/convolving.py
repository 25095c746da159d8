"""Convolutions and transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import transposed_window, window


@aten("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution")
def convolution(call: Call) -> InputRegion:
    """Slides a window along every axis and mixes the channels of each group."""
    if call.find(call["weight"]) is not None:
        raise UnknownOperationError(
            f"{call.place}the weights of a convolution depend on the image and cannot be traced"
        )
    region, kernels = call.region(), list(call["weight"].shape[2:])
    slide = transposed_window if call["transposed"] else window
    options = [per_axis(call[name], len(kernels)) for name in ("stride", "padding", "dilation")]
    for dim, geometry in enumerate(zip(kernels, *options, strict=True), 2):
        region = region.gather(dim, slide(call.out.shape[dim], *geometry))
    call.detail = described(kernels, *options)
    return region.reduce_groups(call["groups"]).expand_groups(call.out.shape[1])


def per_axis(value: Sequence[int] | int, axes: int) -> list[int]:
    """Returns one number for each axis."""
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers if len(numbers) == axes else numbers * axes


def described(kernel: list[int], stride: list[int], padding: list[int], dilation: list[int]) -> str:
    """Describes a window for the table, leaving out defaults."""
    named = [("k", kernel, None), ("s", stride, 1), ("p", padding, 0), ("d", dilation, 1)]
    return " ".join(
        letter + ("×".join(map(str, numbers)) if len(set(numbers)) > 1 else str(numbers[0]))
        for letter, numbers, default in named
        if set(numbers) != {default}
    )
