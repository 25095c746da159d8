"""Map sizes of a chain of convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def output_size_of_chain(convs: Sequence[nn.Conv2d], height: int, width: int) -> tuple[int, int]:
    """Returns the size of the output map of a chain of convolutions; 0 if the image is too small.

    Examples:
        >>> output_size_of_chain([nn.Conv2d(3, 8, 4, 2, 1)], 256, 128)
        (128, 64)
    """
    size = [height, width]
    for conv in convs:
        for axis, (window, stride, padding) in enumerate(_geometry(conv)):
            if size[axis]:
                size[axis] = max(0, (size[axis] + 2 * padding - window) // stride + 1)
    return size[0], size[1]


def min_input_size_of_chain(
    convs: Sequence[nn.Conv2d], size: tuple[int, int] = (1, 1)
) -> tuple[int, int]:
    """Returns the smallest image for which a chain of convolutions has an output of this size.

    Examples:
        >>> min_input_size_of_chain([nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 8, 4, 2, 1)])
        (4, 4)
    """
    sides = list(size)
    for conv in reversed(convs):
        for axis, (window, stride, padding) in enumerate(_geometry(conv)):
            sides[axis] = max(1, (sides[axis] - 1) * stride + window - 2 * padding)
    return sides[0], sides[1]


def _geometry(conv: nn.Conv2d) -> list[tuple[int, int, int]]:
    assert not isinstance(conv.padding, str)  # ConvBlock passes numbers
    windows = [d * (k - 1) + 1 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    return list(zip(windows, conv.stride, conv.padding, strict=True))
