"""Pixel intervals along one axis of the input image, one for each element of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ganblocks.rf.taps import NO_TAP, Ints, Taps

# An empty interval begins after it ends, however far it is shifted.
EMPTY_LO, EMPTY_HI = 2**40, -(2**40)
LONGEST_PERIOD = 4096


@dataclass(frozen=True)
class PeriodicPattern:
    """How intervals continue beyond the map: those at i + period equal those at i, shifted.

    Attributes:
        axis: The array axis of one period.
        period: Its length.
        shift: Input pixels from one period to the next.
    """

    axis: int
    period: int
    shift: int

    @property
    def stride(self) -> Fraction:
        """Input pixels from one entry to the next, on average."""
        return Fraction(self.shift, self.period)


@dataclass(frozen=True, eq=False)
class IntervalArray:
    """Half-open intervals, stored broadcast: an axis of equal intervals has length 1.

    Attributes:
        lo: First pixels.
        hi: One past the last pixels.
        pattern: How the intervals continue beyond the map; None if they end at its border.
    """

    lo: Ints
    hi: Ints
    pattern: PeriodicPattern | None = None

    @classmethod
    def of_nothing(cls, ndim: int, pattern: PeriodicPattern | None = None) -> IntervalArray:
        """Returns empty intervals."""
        return cls(np.full([1] * ndim, EMPTY_LO), np.full([1] * ndim, EMPTY_HI), pattern)

    @property
    def empty(self) -> NDArray[np.bool_]:
        """A mask of the empty intervals."""
        return self.hi <= self.lo

    def periodic(self, axis: int) -> bool:
        """Whether the intervals continue beyond the map along an axis."""
        return self.pattern is not None and self.pattern.axis == axis

    def varies(self, axis: int) -> bool:
        """Whether the intervals differ along an axis."""
        return self.lo.shape[axis] > 1 or self.periodic(axis % self.lo.ndim)

    def masked(self, empty: NDArray[np.bool_]) -> IntervalArray:
        """Returns the intervals, emptied where the mask is True."""
        lo = np.where(empty, EMPTY_LO, self.lo)
        return replace(self, lo=lo, hi=np.where(empty, EMPTY_HI, self.hi))

    def hull(self, axis: int, taps: Ints, length: int) -> IntervalArray:
        """Returns the hull of the entries in each row of `taps`; drops a pattern along the axis."""
        pattern, shift = self.pattern, np.zeros_like(taps)
        if pattern is not None and pattern.axis == axis:
            present = taps != NO_TAP
            cycle, place = np.divmod(taps, pattern.period)
            shift = cycle * pattern.shift
            pattern = None
        else:
            present = (taps >= 0) & (taps < length)
            place = taps if self.lo.shape[axis] > 1 else np.zeros_like(taps)
        place = np.where(present, place, 0)
        wide = (1,) * axis + taps.shape + (1,) * (self.lo.ndim - axis - 1)
        shift, present = shift.reshape(wide), present.reshape(wide)
        lo = np.where(present, self.lo.take(place, axis) + shift, EMPTY_LO)
        hi = np.where(present, self.hi.take(place, axis) + shift, EMPTY_HI)
        return IntervalArray(lo.min(axis + 1), hi.max(axis + 1), pattern)

    def gather(self, axis: int, taps: Taps, length: int) -> IntervalArray:
        """Returns what a window that slides along one axis sees.

        The pattern is kept if the window is periodic too and their common period is not too long.
        """
        pattern = self.pattern
        if pattern is None or pattern.axis != axis:
            return self.hull(axis, taps.inside, length)
        times = pattern.period // gcd(pattern.period, taps.step)
        period = taps.period * times
        if taps.beyond is None or period > LONGEST_PERIOD:
            return self.ended(length).hull(axis, taps.inside, length)
        hull = self.hull(axis, taps.beyond(np.arange(period)), length)
        shift = pattern.shift * taps.step * times // pattern.period
        return replace(hull, pattern=PeriodicPattern(axis, period, shift)).simplified()

    def ended(self, length: int) -> IntervalArray:
        """Returns the intervals of a map of this length, without their pattern."""
        if self.pattern is None:
            return self
        axis = self.pattern.axis
        return self.hull(axis, np.arange(length)[:, None], length).narrowed(axis)

    def with_period(self, period: int) -> IntervalArray:
        """Repeats the pattern up to a multiple of its period."""
        assert self.pattern is not None
        axis, shift = self.pattern.axis, self.pattern.shift * period // self.pattern.period
        if period == self.pattern.period:
            return self
        written = self.hull(axis, np.arange(period)[:, None], period)
        return replace(written, pattern=PeriodicPattern(axis, period, shift))

    def simplified(self) -> IntervalArray:
        """Reduces the pattern to its shortest period."""
        pattern = self.pattern
        if pattern is None:
            return self
        for period in range(1, pattern.period):
            times, rest = divmod(pattern.period, period)
            if rest or pattern.shift % times:
                continue
            first = np.arange(period)
            short = IntervalArray(
                self.lo.take(first, pattern.axis),
                self.hi.take(first, pattern.axis),
                PeriodicPattern(pattern.axis, period, pattern.shift // times),
            )
            long = short.with_period(pattern.period)
            if np.array_equal(long.lo, self.lo) and np.array_equal(long.hi, self.hi):
                return short
        return self

    def narrowed(self, axis: int) -> IntervalArray:
        """Shortens each axis along which all intervals are equal to length 1."""
        if self.lo.shape[axis] < 2 or self.periodic(axis):
            return self
        lo, hi, empty = self.lo.take([0], axis), self.hi.take([0], axis), self.empty
        equal = empty.all() if empty.any() else (lo == self.lo).all() and (hi == self.hi).all()
        return replace(self, lo=lo, hi=hi) if equal else self

    def reshaped(self, axis: int, count: int, shape: tuple[int, ...]) -> IntervalArray:
        """Reshapes `count` axes from `axis` on; drops a pattern along one of them."""
        pattern = self.pattern
        if pattern is not None and axis <= pattern.axis < axis + count:
            lo, hi = (array.take([0], pattern.axis) for array in (self.lo, self.hi))
            return IntervalArray(lo, hi).reshaped(axis, count, shape)
        if pattern is not None and pattern.axis >= axis:
            pattern = replace(pattern, axis=pattern.axis + len(shape) - count)
        axes = (*self.lo.shape[:axis], *shape, *self.lo.shape[axis + count :])
        return IntervalArray(self.lo.reshape(axes), self.hi.reshape(axes), pattern)

    def transposed(self, order: tuple[int, ...]) -> IntervalArray:
        """Permutes the axes."""
        pattern = self.pattern and replace(self.pattern, axis=order.index(self.pattern.axis))
        return IntervalArray(self.lo.transpose(order), self.hi.transpose(order), pattern)


def union(arrays: Sequence[IntervalArray]) -> IntervalArray:
    """Returns the hulls of several arrays that share one pattern or have none."""
    lo = reduce(np.minimum, [array.lo for array in arrays])
    hi = reduce(np.maximum, [array.hi for array in arrays])
    return IntervalArray(lo, hi, arrays[0].pattern)


def cat(arrays: Sequence[IntervalArray], axis: int, counts: Sequence[int]) -> IntervalArray:
    """Concatenates arrays of these lengths, none periodic along the axis."""
    shapes = [array.lo.shape for array in arrays]
    before = np.broadcast_shapes(*(shape[:axis] for shape in shapes))
    after = np.broadcast_shapes(*(shape[axis + 1 :] for shape in shapes))

    def joined(parts: Sequence[Ints]) -> Ints:
        full = [
            np.broadcast_to(p, (*before, n, *after)) for p, n in zip(parts, counts, strict=True)
        ]
        return np.concatenate(full, axis)

    lo, hi = joined([array.lo for array in arrays]), joined([array.hi for array in arrays])
    return IntervalArray(lo, hi, arrays[0].pattern).narrowed(axis)


def emptied_together(
    arrays: tuple[IntervalArray, ...], axis: int | None = None
) -> tuple[IntervalArray, ...]:
    """Empties an element's intervals on all image axes if one of them is empty.

    With `axis`, only those that vary along it: otherwise, a hull over that axis would combine the
    rows of one element with the columns of another.
    """
    chosen = [axis is None or array.varies(axis) for array in arrays]
    masks = [array.empty for array, use in zip(arrays, chosen, strict=True) if use]
    if len(masks) < 2 or not any(mask.any() for mask in masks):
        return arrays
    empty = reduce(np.logical_or, masks)
    return tuple(
        array.masked(empty) if use else array for array, use in zip(arrays, chosen, strict=True)
    )
