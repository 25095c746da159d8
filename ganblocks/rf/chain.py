"""The sizes of the maps of a chain of convolutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn


def output_size_of_chain(convs: Sequence[nn.Conv2d], height: int, width: int) -> tuple[int, int]:
    """Returns the size of the output map of a chain of convolutions; 0 if the image is too small.

    Examples:
        >>> output_size_of_chain([nn.Conv2d(3, 8, 4, 2, 1)], 256, 128)
        (128, 64)
    """
    size = (height, width)
    for conv in convs:
        reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        size = _pair(
            max(0, (n + 2 * p - r - 1) // s + 1) if n else 0
            for n, p, r, s in zip(size, _padding(conv), reach, conv.stride, strict=True)
        )
    return size


def min_input_size_of_chain(
    convs: Sequence[nn.Conv2d], size: tuple[int, int] = (1, 1)
) -> tuple[int, int]:
    """Returns the smallest image from which a chain of convolutions makes a map of that size.

    Examples:
        >>> min_input_size_of_chain([nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 8, 4, 2, 1)])
        (4, 4)
    """
    for conv in reversed(convs):
        reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        size = _pair(
            max(1, (n - 1) * s + r + 1 - 2 * p)
            for n, p, r, s in zip(size, _padding(conv), reach, conv.stride, strict=True)
        )
    return size


def _padding(conv: nn.Conv2d) -> tuple[int, int]:
    if isinstance(conv.padding, str):
        raise TypeError(f"padding {conv.padding!r} of a convolution: ConvBlock writes numbers")
    return _pair(conv.padding)


def _pair(numbers: Iterable[int]) -> tuple[int, int]:
    first, second = numbers
    return first, second
