"""The input pixels that each element of a tensor sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import lcm, prod

import numpy as np

from ganblocks.rf.intervals import IntervalArray, PeriodicPattern, emptied_together
from ganblocks.rf.taps import Taps

Factors = tuple[int, ...]
Intervals = tuple[IntervalArray, ...]


@dataclass(frozen=True, eq=False)
class InputRegion:
    """A box of pixels for each element of a tensor, an interval for each axis of the image.

    An element with an empty interval sees nothing. Each dimension of the tensor is stored as a
    product of factors, the axes of the arrays, so that reshapes that are undone later, such as rows
    and columns to tokens, lose nothing.

    Attributes:
        dims: The factors of each dimension.
        support: The pixels inside the image, clipped at every intermediate map.
        box: The pixels if every map continued beyond its border.
        constant: Dimensions along which an expanded tensor repeats one value.
    """

    dims: tuple[Factors, ...]
    support: Intervals
    box: Intervals
    constant: frozenset[int] = frozenset()

    @classmethod
    def of_image(cls, shape: Sequence[int]) -> InputRegion:
        """Returns the region of the input image (B, C, *spatial)."""
        support, box = [], []
        for axis in range(2, len(shape)):
            wide = [1] * len(shape)
            wide[axis] = shape[axis]
            place = np.arange(shape[axis]).reshape(wide)
            support.append(IntervalArray(place, place + 1))
            zero = np.zeros([1] * len(shape), np.int64)
            box.append(IntervalArray(zero, zero + 1, PeriodicPattern(axis, 1, 1)))
        return cls(tuple((n,) for n in shape), tuple(support), tuple(box))

    @classmethod
    def of_nothing(cls, shape: Sequence[int], axes: int) -> InputRegion:
        """Returns the region of a constant, for an image with this number of axes."""
        intervals = (IntervalArray.of_nothing(len(shape)),) * axes
        return cls(tuple((n,) for n in shape), intervals, intervals)

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(prod(factors) for factors in self.dims)

    @property
    def lengths(self) -> Factors:
        """The lengths of the arrays' axes before broadcasting."""
        return tuple(n for factors in self.dims for n in factors)

    @property
    def empty(self) -> bool:
        """Whether no element sees a pixel, even beyond the maps' borders."""
        return all(
            any(bool(array.empty.all()) for array in arrays) for arrays in (self.box, self.support)
        )

    def axes(self, dim: int) -> range:
        """Returns the arrays' axes of a dimension."""
        dim %= len(self.dims)
        first = sum(len(factors) for factors in self.dims[:dim])
        return range(first, first + len(self.dims[dim]))

    def periodic(self, dim: int) -> bool:
        """Whether the boxes continue beyond the map along a dimension."""
        return any(array.periodic(axis) for axis in self.axes(dim) for array in self.box)

    def gather(self, dim: int, taps: Taps) -> InputRegion:
        """Returns what a window that slides along one dimension sees."""
        single = self.with_single_factor(dim % len(self.dims))
        return single._gathered(single.axes(dim)[0], taps)

    def reduce(self, dims: Sequence[int], keepdim: bool = True) -> InputRegion:
        """Returns what a sum, mean or maximum over whole dimensions sees."""
        made = self
        for dim in sorted({dim % len(self.dims) for dim in dims}, reverse=True):
            for axis in made.axes(dim):
                # An unbounded map has no mean, so the box is the part inside the image.
                box = tuple(
                    inside if array.periodic(axis) else array
                    for array, inside in zip(made.box, made.support, strict=True)
                )
                everything = Taps(np.arange(made.lengths[axis])[None])
                made = replace(made, box=box)._gathered(axis, everything)
            made = made.with_single_factor(dim)
            if not keepdim:
                flat = made._flat()._reshaped(made.axes(dim)[0], 1, ())
                made = replace(flat, dims=(*made.dims[:dim], *made.dims[dim + 1 :]))
        return made

    def reduce_groups(self, groups: int) -> InputRegion:
        """Returns what each group of channels sees: (B, groups, *spatial)."""
        batch, channels, *space = self.shape
        if groups == 1:
            return self.reduce([1])
        if groups == channels:
            return self
        apart = self.reshape([batch, groups, channels // groups, *space])
        return apart.reduce([2]).reshape([batch, groups, *space])

    def expand_groups(self, channels: int) -> InputRegion:
        """Repeats each group in (B, groups, *spatial) for the channels of the group."""
        batch, groups, *space = self.shape
        if groups in (1, channels):
            return self.expand([batch, channels, *space])
        apart = self.reshape([batch, groups, 1, *space])
        wide = apart.expand([batch, groups, channels // groups, *space])
        return wide.reshape([batch, channels, *space])

    def permute(self, order: Sequence[int]) -> InputRegion:
        """Permutes the dimensions."""
        axes = tuple(axis for dim in order for axis in self.axes(dim))
        return self._mapped(
            lambda array: array.transposed(axes), tuple(self.dims[dim] for dim in order)
        )

    def reshape(self, shape: Sequence[int]) -> InputRegion:
        """Reshapes the tensor."""
        old, shape = self.shape, tuple(shape)
        if old == shape:
            return self
        shorter = min(len(old), len(shape))
        front = next((i for i in range(shorter) if old[i] != shape[i]), shorter)
        rest = shorter - front
        back = next((i for i in range(rest) if old[-1 - i] != shape[-1 - i]), rest)
        last = len(old) - back
        axis = sum(len(factors) for factors in self.dims[:front])
        made = self._without_ones(axis, sum(len(factors) for factors in self.dims[:last]))
        dims: list[Factors] = []
        for n in shape[front : len(shape) - back]:
            factors: Factors = ()
            while prod(factors) < n:
                missing, length = n // prod(factors), made.lengths[axis]
                if missing % length:
                    if length % missing:
                        whole = self._without_ones(0, len(self.lengths))
                        whole = replace(whole, dims=(whole.lengths,)).with_single_factor(0)
                        return whole.reshape(shape)
                    made, length = made._split(axis, missing), missing
                factors += (length,)
                axis += 1
            if not factors:
                made = made._reshaped(axis, 0, (1,))
                factors = (1,)
                axis += 1
            dims.append(factors)
        middle, grown = set(range(front, last)), len(shape) - len(old)
        copies = {d if d < front else d + grown for d in self.constant - middle}
        if all(old[d] == 1 for d in middle - self.constant):
            copies.update(range(front, last + grown))
        dims = [*self.dims[:front], *dims, *self.dims[last:]]
        return replace(made, dims=tuple(dims), constant=frozenset(copies))

    def expand(self, shape: Sequence[int]) -> InputRegion:
        """Expands dimensions of length 1, adding leading dimensions as needed."""
        made, missing = self, len(shape) - len(self.dims)
        if missing:
            ones = (1,) * missing
            dims = ((1,),) * missing + self.dims
            made = self._mapped(lambda array: array.reshaped(0, 0, ones), dims)
        for dim, n in enumerate(shape):
            if made.dims[dim] == (1,) and n != 1:
                axis = made.axes(dim)[0]
                made = made.ended(axis)._with_length(axis, n)
        return made

    def copied_from(self, region: InputRegion) -> InputRegion:
        """Marks the dimensions along which elements are copies of a smaller tensor's."""
        before, first = region.shape, len(self.dims) - len(region.dims)
        grown = {
            d for d, n in enumerate(self.shape) if n > 1 and (d < first or before[d - first] == 1)
        }
        return replace(self, constant=frozenset(grown | {d + first for d in region.constant}))

    def with_single_factor(self, dim: int) -> InputRegion:
        """Stores one dimension as a single factor."""
        made = self
        while len(made.dims[dim]) > 1:
            made = made._merged(dim)
        return made

    def with_factors(self, dim: int, factors: Factors) -> InputRegion:
        """Stores one dimension with finer factors."""
        made = self._flat()
        for axis, n in enumerate(factors, self.axes(dim)[0]):
            if made.lengths[axis] != n:
                made = made._split(axis, n)
        return replace(made, dims=(*self.dims[:dim], factors, *self.dims[dim + 1 :]))

    def with_single_factors(self) -> InputRegion:
        """Stores every dimension as a single factor."""
        made = self
        for dim in range(len(self.dims)):
            made = made.with_single_factor(dim)
        return made

    def ended(self, axis: int) -> InputRegion:
        """Drops the pattern of the boxes along one array axis."""
        length = self.lengths[axis]
        box = tuple(array.ended(length) if array.periodic(axis) else array for array in self.box)
        return replace(self, box=box)

    def _merged(self, dim: int) -> InputRegion:
        axis = self.axes(dim)[0]
        made = self.ended(axis + 1)
        if (
            any(array.periodic(axis) for array in made.box)
            and sum(array.varies(axis) or array.varies(axis + 1) for array in made.box) > 1
        ):
            made = made.ended(axis)
        outer, inner = made.lengths[axis : axis + 2]

        def merge(array: IntervalArray) -> IntervalArray:
            if not (array.varies(axis) or array.varies(axis + 1)):
                return array.reshaped(axis, 2, (1,))
            pattern = array.pattern if array.periodic(axis) else None
            count = pattern.period if pattern else outer
            wide = (*array.lo.shape[:axis], count, inner, *array.lo.shape[axis + 2 :])
            lo, hi = np.broadcast_to(array.lo, wide), np.broadcast_to(array.hi, wide)
            full = IntervalArray(lo, hi, None if pattern else array.pattern)
            full = full.reshaped(axis, 2, (count * inner,))
            if pattern is None:
                return full
            return replace(full, pattern=PeriodicPattern(axis, count * inner, pattern.shift))

        factors = (outer * inner, *self.dims[dim][2:])
        return made._mapped(merge, (*self.dims[:dim], factors, *self.dims[dim + 1 :]))

    def _flat(self) -> InputRegion:
        return replace(self, dims=tuple((n,) for n in self.lengths), constant=frozenset())

    def _split(self, axis: int, outer: int) -> InputRegion:
        inner = self.lengths[axis] // outer

        def split(array: IntervalArray) -> IntervalArray:
            pattern = array.pattern
            if pattern is None or pattern.axis != axis:
                return array.reshaped(axis, 1, (outer, inner) if array.varies(axis) else (1, 1))
            period = lcm(pattern.period, inner)
            count, shift = period // inner, pattern.shift * period // pattern.period
            long = replace(array.with_period(period), pattern=None)
            halves = long.reshaped(axis, 1, (count, inner))
            return replace(halves, pattern=PeriodicPattern(axis, count, shift))

        return self._mapped(split, (*self.dims[:axis], (outer,), (inner,), *self.dims[axis + 1 :]))

    def _reshaped(self, axis: int, count: int, shape: tuple[int, ...]) -> InputRegion:
        """Replaces `count` dimensions of a flat region, all of length 1, by others of length 1."""
        dims = (*self.dims[:axis], *((n,) for n in shape), *self.dims[axis + count :])
        return self._mapped(lambda array: array.reshaped(axis, count, shape), dims)

    def _without_ones(self, first: int, last: int) -> InputRegion:
        """Returns a flat region without the axes of length 1 from `first` to before `last`."""
        made = self._flat()
        for axis in reversed(range(first, last)):
            if made.lengths[axis] == 1:
                made = made._reshaped(axis, 1, ())
        return made

    def _gathered(self, axis: int, taps: Taps) -> InputRegion:
        length = self.lengths[axis]
        supports = emptied_together(self.support, axis)
        return replace(
            self._with_length(axis, len(taps.inside)),
            support=_gathered(supports, axis, taps, length),
            box=_gathered(self.box, axis, taps, length),
            constant=frozenset(),
        )

    def _with_length(self, axis: int, length: int) -> InputRegion:
        lengths = iter((*self.lengths[:axis], length, *self.lengths[axis + 1 :]))
        return replace(self, dims=tuple(tuple(next(lengths) for _ in f) for f in self.dims))

    def _mapped(
        self, change: Callable[[IntervalArray], IntervalArray], dims: tuple[Factors, ...]
    ) -> InputRegion:
        support, box = (tuple(map(change, arrays)) for arrays in (self.support, self.box))
        return InputRegion(dims, support, box)


def _gathered(arrays: Intervals, axis: int, taps: Taps, length: int) -> Intervals:
    varying = [array.varies(axis) for array in arrays]
    if not any(varying):
        present = (taps.inside >= 0) & (taps.inside < length)
        varying[0] = not present.any(1).all()  # one empty interval means that nothing is seen
    return tuple(
        array.gather(axis, taps, length).narrowed(axis) if varies else array
        for array, varies in zip(arrays, varying, strict=True)
    )
