"""The table of a network's operations: what the map sees after each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ganblocks.rf.reach import Reach
    from ganblocks.rf.span import Span

Number = int | Fraction


@dataclass(frozen=True)
class Layer:
    """One row: what every place of the map sees after an operation.

    Attributes:
        name: The module, as `named_modules` calls it.
        operation: The module's class, or the operation where it is written in a forward.
        detail: Kernel, stride, padding and the like.
        map_size: Size of the map.
        size: Pixels seen, for each axis of the image.
        stride: Pixels from one field to the next.
        padding: Pixels by which the first field reaches out of the image.
        note: What is remarkable about it.
    """

    name: str
    operation: str
    detail: str
    map_size: tuple[int, ...]
    size: tuple[Number, ...]
    stride: tuple[Number, ...]
    padding: tuple[Number, ...]
    note: str = ""


def summary(reach: Reach) -> tuple[tuple[Number, ...], tuple[Number, ...], tuple[Number, ...]]:
    """Returns the size, stride and padding of the fields of a tensor's elements, by axis.

    Where fields differ from element to element: the largest size, the mean stride, and the most
    by which a field begins before stride · index.
    """
    rows = [_of_axis(span) for span in reach.singled().field]
    sizes, strides, paddings = zip(*rows, strict=True)
    return sizes, strides, paddings


def _of_axis(span: Span) -> tuple[Number, Number, Number]:
    there = ~span.sees_nothing
    if not there.any():
        return 0, 0, 0
    size = int((span.hi - span.lo)[there].max())
    if span.run is None:
        return size, 0, -int(span.lo[there].min())
    stride = Fraction(span.run.shift, span.run.period)
    wide = [1] * span.lo.ndim
    wide[span.run.axis] = span.run.period
    place = np.arange(span.run.period).reshape(wide) * span.run.shift
    # In units of 1/period, so that all stays whole.
    early = np.where(there, place - span.lo * span.run.period, -(2**60)).max()
    return size, _plain(stride), _plain(Fraction(int(early), span.run.period))


def _plain(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number


def written(layers: Iterable[Layer]) -> str:
    """Writes the rows as a table of plain text."""
    head = ("module", "operation", "", "map", "size", "stride", "padding", "")
    rows = [
        (
            layer.name,
            layer.operation,
            layer.detail,
            *(times(n) for n in (layer.map_size, layer.size, layer.stride, layer.padding)),
            layer.note,
        )
        for layer in layers
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join(lines)


def times(numbers: Iterable[object]) -> str:
    """Writes numbers as `70×70`; one alone where all are equal stays so: `70×70`, not `70`."""
    return "×".join(map(str, numbers)) or "1"
