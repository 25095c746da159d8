"""Where along one axis of the input the elements of a tensor look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ganblocks.rf.taps import NO_TAP, Taps

Ints = NDArray[np.int64]

# An interval that sees nothing begins after it ends, wherever it is shifted to.
NOTHING_LO, NOTHING_HI = 2**40, -(2**40)
LONGEST_PERIOD = 4096


@dataclass(frozen=True)
class Run:
    """A pattern that goes on without end: index i + period sees what i sees, shift further.

    Attributes:
        axis: The array's axis that holds one period of the pattern.
        period: Its length.
        shift: Input pixels from one period to the next.
    """

    axis: int
    period: int
    shift: int


@dataclass(frozen=True, eq=False)
class Span:
    """Half-open intervals of one input axis, an entry for each element of a tensor.

    Attributes:
        lo: First pixel, broadcast: an axis along which all entries are equal has length 1.
        hi: One past the last.
        run: How the intervals go on beyond the map; None where they end with it.
    """

    lo: Ints
    hi: Ints
    run: Run | None = None

    def varies(self, axis: int) -> bool:
        """Tells whether the entries differ along an axis."""
        return self.lo.shape[axis] > 1 or self.runs(axis)

    def runs(self, axis: int) -> bool:
        """Tells whether the entries go on beyond the map along an axis."""
        return self.run is not None and self.run.axis == axis

    @property
    def sees_nothing(self) -> NDArray[np.bool_]:
        """Where the interval is empty."""
        return self.hi <= self.lo

    def masked(self, nothing: NDArray[np.bool_]) -> Span:
        """Returns the intervals with those emptied that the mask names."""
        lo = np.where(nothing, NOTHING_LO, self.lo)
        return replace(self, lo=lo, hi=np.where(nothing, NOTHING_HI, self.hi))

    def hull(self, axis: int, taps: Ints, length: int) -> Span:
        """Returns the hulls of the entries that each row of `taps` names, finite along the axis."""
        lo, hi = self._looked_up(axis, taps, length)
        run = None if self.runs(axis) else self.run
        return Span(lo.min(axis + 1), hi.max(axis + 1), run)

    def pinned(self, lengths: tuple[int, ...]) -> Span:
        """Ends the run with the map, whose lengths these are."""
        if self.run is None:
            return self
        places = np.arange(lengths[self.run.axis])[:, None]
        return self.hull(self.run.axis, places, lengths[self.run.axis]).narrowed(self.run.axis)

    def of_period(self, period: int) -> Span:
        """Writes out the same run with a multiple of its period."""
        assert self.run is not None
        if period == self.run.period:
            return self
        places = np.arange(period)[:, None]
        written = self.hull(self.run.axis, places, period)
        shift = self.run.shift * period // self.run.period
        return replace(written, run=Run(self.run.axis, period, shift))

    def simplified(self) -> Span:
        """Writes the run with the shortest period there is."""
        run = self.run
        if run is None or run.period == 1:
            return self
        for period in (p for p in range(1, run.period) if run.period % p == 0):
            times = run.period // period
            if run.shift % times:
                continue
            first = np.arange(period)
            short = Span(
                self.lo.take(first, run.axis),
                self.hi.take(first, run.axis),
                Run(run.axis, period, run.shift // times),
            )
            long = short.of_period(run.period)
            if np.array_equal(long.lo, self.lo) and np.array_equal(long.hi, self.hi):
                return short
        return self

    def narrowed(self, axis: int) -> Span:
        """Writes an axis along which all entries are equal with length 1."""
        if self.lo.shape[axis] == 1 or self.runs(axis):
            return self
        one = np.arange(1)
        lo, hi = self.lo.take(one, axis), self.hi.take(one, axis)
        return replace(self, lo=lo, hi=hi) if _same(self, lo, hi) else self

    def reshaped(self, axis: int, now: int, shape: tuple[int, ...]) -> Span:
        """Writes `now` axes from `axis` on as others of equal product; a run along them ends."""
        axes = (*self.lo.shape[:axis], *shape, *self.lo.shape[axis + now :])
        run = self.run
        if run is not None and axis <= run.axis < axis + now:
            first = np.arange(1)
            ended = Span(self.lo.take(first, run.axis), self.hi.take(first, run.axis))
            return ended.reshaped(axis, now, shape)
        if run is not None and run.axis >= axis:
            run = replace(run, axis=run.axis + len(shape) - now)
        return Span(self.lo.reshape(axes), self.hi.reshape(axes), run)

    def transposed(self, order: tuple[int, ...]) -> Span:
        """Puts the axes in another order."""
        run = self.run and replace(self.run, axis=order.index(self.run.axis))
        return Span(self.lo.transpose(order), self.hi.transpose(order), run)

    def _looked_up(self, axis: int, taps: Ints, length: int) -> tuple[Ints, Ints]:
        beyond: Ints = np.zeros_like(taps)
        if self.run is not None and self.run.axis == axis:
            cycle, place = np.divmod(taps, self.run.period)
            there = taps != NO_TAP
            beyond = cycle * self.run.shift
        else:
            there = (taps >= 0) & (taps < length)
            place = taps if self.lo.shape[axis] > 1 else np.zeros_like(taps)
        place = np.where(there, place, 0)
        wide = (1,) * axis + taps.shape + (1,) * (self.lo.ndim - axis - 1)
        beyond, there = beyond.reshape(wide), there.reshape(wide)
        return (
            np.where(there, self.lo.take(place, axis) + beyond, NOTHING_LO),
            np.where(there, self.hi.take(place, axis) + beyond, NOTHING_HI),
        )


def through(span: Span, axis: int, taps: Taps, length: int) -> Span:
    """Sends a span through a window that slides along one axis.

    A run stays one where the window is periodic too, and the common period is not too long.
    """
    run = span.run
    if run is None or run.axis != axis:
        return span.hull(axis, taps.inside, length)
    times = run.period // gcd(run.period, taps.step)
    period = taps.period * times
    if taps.beyond is None or period > LONGEST_PERIOD:
        lengths = tuple(length if i == axis else 0 for i in range(span.lo.ndim))
        return span.pinned(lengths).hull(axis, taps.inside, length)
    made = span.hull(axis, taps.beyond(np.arange(period)), length)
    shift = run.shift * taps.step * times // run.period
    return replace(made, run=Run(axis, period, shift)).simplified()


def union(spans: list[Span]) -> Span:
    """Returns the hulls of several spans of one run, or of none."""
    lo, hi = spans[0].lo, spans[0].hi
    for span in spans[1:]:
        lo, hi = np.minimum(lo, span.lo), np.maximum(hi, span.hi)
    return Span(lo, hi, spans[0].run)


def _same(span: Span, lo: Ints, hi: Ints) -> bool:
    nothing = span.sees_nothing
    if nothing.any():
        return bool(nothing.all())
    return bool((span.lo == lo).all() and (span.hi == hi).all())
