"""What a chain of convolutions sees: receptive field, stride, padding, and output sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that one output value depends on, an entry for each spatial axis.

    The words are those of Araujo et al. (Distill, 2019): output i along an axis sees the
    pixels from `stride · i − padding` on, `size` of them.

    Attributes:
        size: Pixels seen.
        stride: Pixels between the fields of neighbouring outputs.
        padding: Pixels by which the first field reaches out of the image.

    Example:
        >>> field = ReceptiveField(size=(70, 70), stride=(8, 8), padding=(23, 23))
        >>> field.box(0, 3)
        (-23, 1, 47, 71)
    """

    size: Numbers
    stride: Numbers
    padding: Numbers

    def box(self, *index: int) -> Numbers:
        """Gives the field of one output, half-open; it may leave the image.

        Args:
            *index: The output's place, one number for each axis.

        Returns:
            The first pixel of each axis, then one past the last of each; in 2D that is
            (top, left, bottom, right).
        """
        start = tuple(s * i - p for s, i, p in zip(self.stride, index, self.padding, strict=True))
        return start + tuple(a + size for a, size in zip(start, self.size, strict=True))

    def center(self, *index: int) -> tuple[float, ...]:
        """Gives the middle of one output's field, in pixel coordinates.

        Args:
            *index: The output's place, one number for each axis.
        """
        box = self.box(*index)
        axes = len(index)
        return tuple((a + b - 1) / 2 for a, b in zip(box[:axes], box[axes:], strict=True))

    def then(self, later: ReceptiveField) -> ReceptiveField:
        """Gives the field of a network whose output is fed to another one.

        Args:
            later: The field of that other network.

        Example:
            >>> pool = ReceptiveField(size=(3, 3), stride=(2, 2), padding=(1, 1))
            >>> pool.then(pool)
            ReceptiveField(size=(7, 7), stride=(4, 4), padding=(3, 3))
        """
        axes = range(len(self.size))
        return ReceptiveField(
            tuple(self.size[i] + self.stride[i] * (later.size[i] - 1) for i in axes),
            tuple(self.stride[i] * later.stride[i] for i in axes),
            tuple(self.padding[i] + self.stride[i] * later.padding[i] for i in axes),
        )


def receptive_field_of_chain(convs: Iterable[nn.Conv2d]) -> ReceptiveField:
    """Computes the receptive field of convolutions that follow one another.

    r = 1 + Σ dilation · (k − 1) · Π earlier strides (Araujo et al., 2019, equation 2).

    Args:
        convs: The convolutions in the order in which the image passes them.

    Example:
        >>> receptive_field_of_chain([nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 8, 4, 1, 1)]).size
        (10, 10)
    """
    field = ReceptiveField((1, 1), (1, 1), (0, 0))
    for conv in convs:
        reach = (d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True))
        size = tuple(r + 1 for r in reach)
        field = field.then(ReceptiveField(size, conv.stride, _padding(conv)))
    return field


def output_size_of_chain(convs: Sequence[nn.Conv2d], height: int, width: int) -> tuple[int, int]:
    """Computes the size of the map that a chain of convolutions makes; 0 where none is left.

    Example:
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

    Args:
        convs: The convolutions in the order in which the image passes them.
        size: Height and width of the map.

    Example:
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
