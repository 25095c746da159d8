"""What a walk through a network found out about one of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ganblocks.errors import OptionError
from ganblocks.rf.layers import Layer
from ganblocks.rf.reach import Reach
from ganblocks.rf.span import Ints, Span


@dataclass(frozen=True, eq=False)
class Found:
    """The fields of all outputs of one map, and how they came about.

    Attributes:
        reach: What each place of the map (*map_size) sees.
        input_size: Size of the image that was walked.
        map_size: Size of the output.
        layers: The table's rows.
        ignored: Where statistics of the whole map were ignored.
        misaligned: Where branches meet whose centers differ.
        measure: Gives the output's size for an image of another size.
    """

    reach: Reach
    input_size: tuple[int, ...]
    map_size: tuple[int, ...]
    layers: tuple[Layer, ...]
    ignored: tuple[str, ...]
    misaligned: tuple[str, ...]
    measure: Callable[[tuple[int, ...]], tuple[int, ...]]

    def box(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the unbounded field of one output."""
        return self._edges(self.reach.field, index)

    def support(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the hull of the pixels inside the image that reach one output."""
        return self._edges(self.reach.seen, index)

    def supports(self) -> Ints:
        """Returns the supports of all outputs, (*map_size, 2 · axes)."""
        edges = [np.broadcast_to(s.lo, self.map_size) for s in self.reach.seen]
        edges += [np.broadcast_to(s.hi, self.map_size) for s in self.reach.seen]
        nothing = np.zeros(self.map_size, bool)
        for span in self.reach.seen:
            nothing = nothing | span.sees_nothing
        return np.where(nothing[..., None], 0, np.stack(edges, -1))

    def _edges(self, spans: tuple[Span, ...], index: tuple[int, ...]) -> tuple[int, ...]:
        self._require_axes(index)
        edges = [self._at(span, index) for span in spans]
        if any(hi <= lo for lo, hi in edges):
            return (0,) * (2 * len(edges))
        return (*(lo for lo, _ in edges), *(hi for _, hi in edges))

    def _at(self, span: Span, index: tuple[int, ...]) -> tuple[int, int]:
        shift, place = 0, []
        for axis, number in enumerate(index):
            if span.run is not None and span.run.axis == axis:
                cycle, phase = divmod(number, span.run.period)
                shift = cycle * span.run.shift
                place.append(phase)
                continue
            if not 0 <= number < self.map_size[axis] and span.lo.shape[axis] > 1:
                raise OptionError(
                    f"index {index}: the output is {self.map_size}. Count from 0 on each axis"
                )
            place.append(number if span.lo.shape[axis] > 1 else 0)
        return int(span.lo[tuple(place)]) + shift, int(span.hi[tuple(place)]) + shift

    def _require_axes(self, index: tuple[int, ...]) -> None:
        if len(index) != len(self.map_size):
            raise OptionError(
                f"index {index}: write {len(self.map_size)} numbers, one for each axis of the "
                f"output, which is {self.map_size}"
            )
