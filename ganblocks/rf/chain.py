"""What a chain of convolutions leaves of an image's size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn


def output_size_of_chain(convs: Sequence[nn.Conv2d], height: int, width: int) -> tuple[int, int]:
    """Computes the size of the map that a chain of convolutions makes; 0 where none is left.

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
    """Computes the smallest image of which a chain of convolutions leaves a map of that size.

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
