"""The table of a network's operations and the receptive field after each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ganblocks.rf.intervals import IntervalArray
    from ganblocks.rf.region import InputRegion

Number = int | Fraction


@dataclass(frozen=True)
class Layer:
    """A row: the receptive field of the map after an operation.

    Attributes:
        name: The module's name in `named_modules`.
        operation: The module's class, or the operation if a forward calls it directly.
        detail: Kernel, stride, padding and similar.
        map_size: Size of the map.
        size: Pixels seen, for each axis of the image.
        stride: Pixels from one field to the next.
        padding: Pixels by which the first field extends beyond the image.
        note: Ignored statistics or misaligned branches.
    """

    name: str
    operation: str
    detail: str
    map_size: tuple[int, ...]
    size: tuple[Number, ...]
    stride: tuple[Number, ...]
    padding: tuple[Number, ...]
    note: str = ""


def summary(
    region: InputRegion,
) -> tuple[tuple[Number, ...], tuple[Number, ...], tuple[Number, ...]]:
    """Returns the size, stride and padding of the boxes of a tensor's elements, by image axis.

    If elements differ, these are the largest size, the mean stride, and the largest distance by
    which a box begins before stride · index.
    """
    rows = [_summary(array) for array in region.with_single_factors().box]
    sizes, strides, paddings = zip(*rows, strict=True)
    return sizes, strides, paddings


def _summary(array: IntervalArray) -> tuple[Number, Number, Number]:
    present, pattern = ~array.empty, array.pattern
    if not present.any():
        return 0, 0, 0
    size = int((array.hi - array.lo)[present].max())
    varied = [axis for axis, n in enumerate(array.lo.shape) if n > 1]
    if pattern is None and not varied:
        return size, 0, -int(array.lo.item())
    axis = pattern.axis if pattern else varied[0]
    count = array.lo.shape[axis]
    stride = pattern.stride if pattern else _mean_stride(array, axis)
    # In units of 1/denominator, so that all numbers are integers.
    wide = [count if n == axis else 1 for n in range(array.lo.ndim)]
    place = np.arange(count).reshape(wide) * stride.numerator
    early = np.where(present, place - array.lo * stride.denominator, -(2**60)).max()
    return size, _plain(stride), _plain(Fraction(int(early), stride.denominator))


def _mean_stride(array: IntervalArray, axis: int) -> Fraction:
    """Returns the mean step of the centers from the first entry along an axis to the last."""
    places = np.nonzero(~array.empty.all(tuple(n for n in range(array.lo.ndim) if n != axis)))[0]
    doubled = np.where(array.empty, 0, array.lo + array.hi)
    first, last = places[0], places[-1]
    step = doubled.take(last, axis).max() - doubled.take(first, axis).max()
    return Fraction(int(step), max(1, 2 * int(last - first)))


def _plain(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number


def written(layers: Iterable[Layer]) -> str:
    """Returns the rows as a plain-text table."""
    rows: list[tuple[str, ...]] = [
        ("module", "operation", "", "map", "size", "stride", "padding", "")
    ]
    for layer in layers:
        numbers = map(times, (layer.map_size, layer.size, layer.stride, layer.padding))
        rows.append((layer.name, layer.operation, layer.detail, *numbers, layer.note))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def times(numbers: Iterable[object]) -> str:
    """Formats numbers as `70×70`."""
    return "×".join(map(str, numbers)) or "1"
