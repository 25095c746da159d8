"""What every element of a tensor sees of the input image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm, prod

import numpy as np

from ganblocks.rf.span import NOTHING_HI, NOTHING_LO, Run, Span, through
from ganblocks.rf.taps import Taps

Factors = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Reach:
    """The box of pixels that each element of a tensor sees, one span for each axis of the input.

    An element whose interval is empty on any axis sees nothing. Each dimension of the tensor is
    kept as a product of factors, the arrays' axes, so that a reshape that is later undone, such
    as that of rows and columns to tokens, loses nothing.

    Attributes:
        dims: The tensor's dimensions, each as its factors.
        seen: The pixels inside the image, clipped at every map on the way.
        field: The boxes as they would be if every map went on beyond its border.
    """

    dims: tuple[Factors, ...]
    seen: tuple[Span, ...]
    field: tuple[Span, ...]

    @classmethod
    def of_image(cls, shape: Sequence[int]) -> Reach:
        """Returns what the pixels of an image (B, C, *spatial) see: themselves."""
        seen, field = [], []
        for axis in range(2, len(shape)):
            wide = [1] * len(shape)
            wide[axis] = shape[axis]
            place = np.arange(shape[axis]).reshape(wide)
            seen.append(Span(place, place + 1))
            zero = np.zeros([1] * len(shape), np.int64)
            field.append(Span(zero, zero + 1, Run(axis, 1, 1)))
        return cls(tuple((n,) for n in shape), tuple(seen), tuple(field))

    @classmethod
    def of_nothing(cls, shape: Sequence[int], axes: int) -> Reach:
        """Returns what a constant sees."""
        lo, hi = (np.full([1] * len(shape), n) for n in (NOTHING_LO, NOTHING_HI))
        spans = (Span(lo, hi),) * axes
        return cls(tuple((n,) for n in shape), spans, spans)

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(prod(factors) for factors in self.dims)

    @property
    def lengths(self) -> Factors:
        """The length of each of the arrays' axes, broadcast ones too."""
        return tuple(n for factors in self.dims for n in factors)

    @property
    def sees_nothing(self) -> bool:
        """Whether no element sees a pixel, nor would if the image went on beyond its border."""
        return all(
            any(bool(span.sees_nothing.all()) for span in spans)
            for spans in (self.field, self.seen)
        )

    def axis(self, dim: int) -> int:
        """Returns the arrays' first axis of a dimension of the tensor."""
        return sum(len(factors) for factors in self.dims[: dim % len(self.dims)])

    def gather(self, dim: int, taps: Taps) -> Reach:
        """Returns what a window that slides along one dimension sees."""
        dim %= len(self.dims)
        one = self.with_single(dim)
        axis, length = one.axis(dim), one.dims[dim][0]
        dims = (*one.dims[:dim], (len(taps.inside),), *one.dims[dim + 1 :])
        seen = _slid(told_apart(one.seen, axis), axis, taps, length)
        field = _slid(one.field, axis, taps, length)
        return replace(one, dims=dims, seen=seen, field=field)

    def reduce(self, dims: Sequence[int], keepdim: bool = True) -> Reach:
        """Returns what a sum, mean or maximum over whole dimensions sees."""
        made = self
        for dim in {d % len(self.dims) for d in dims}:
            for axis in range(made.axis(dim), made.axis(dim) + len(made.dims[dim])):
                # Of a map without end there is no mean: here what is seen stands for it.
                field = tuple(
                    seen if span.runs(axis) else span
                    for span, seen in zip(made.field, made.seen, strict=True)
                )
                made = replace(
                    made,
                    seen=_collapsed(told_apart(made.seen, axis), axis, made.lengths),
                    field=_collapsed(field, axis, made.lengths),
                )
                made = made._with_length(axis, 1)
            made = made.with_single(dim)
        if not keepdim:
            made = made.squeeze(dims)
        return made

    def squeeze(self, dims: Sequence[int]) -> Reach:
        """Leaves out those of the dimensions that have length 1."""
        made = self
        for dim in sorted({d % len(self.dims) for d in dims}, reverse=True):
            if made.dims[dim] == (1,):
                axis = made.axis(dim)
                gone = (*made.dims[:dim], *made.dims[dim + 1 :])
                made = made._mapped(lambda s, at=axis: s.reshaped(at, 1, ()), gone)
        return made

    def permute(self, order: Sequence[int]) -> Reach:
        """Puts the dimensions in another order."""
        order = [d % len(self.dims) for d in order]
        axes = tuple(self.axis(d) + i for d in order for i in range(len(self.dims[d])))
        return self._mapped(lambda span: span.transposed(axes), tuple(self.dims[d] for d in order))

    def reshape(self, shape: Sequence[int]) -> Reach:
        """Reads the elements, in their order, as a tensor of another shape."""
        old, shape = self.shape, tuple(shape)
        shorter = min(len(old), len(shape))
        front = next((i for i in range(shorter) if old[i] != shape[i]), shorter)
        rest = shorter - front
        back = next((i for i in range(rest) if old[-1 - i] != shape[-1 - i]), rest)
        first, last = front, len(old) - back
        if first == last and len(old) == len(shape):
            return self
        made = self._without_ones(first, last)
        dims: list[Factors] = []
        axis = made.axis(first) if first < len(old) else len(made.lengths)
        for n in shape[front : len(shape) - back]:
            factors: list[int] = []
            while prod(factors) < n:
                left, length = n // prod(factors), made.lengths[axis]
                if left % length:
                    if length % left:
                        return self._flattened().reshape(shape)
                    made = made._split(axis, left)
                factors.append(made.lengths[axis])
                axis += 1
            dims.append(tuple(factors))
        return made._with_ones((*made.dims[:first], *dims, *made.dims[last:]))

    def expand(self, shape: Sequence[int]) -> Reach:
        """Repeats dimensions of length 1, and adds such ones in front."""
        made = self
        if len(shape) > len(self.dims):
            missing = len(shape) - len(self.dims)
            front = (1,) * missing
            made = self._mapped(lambda s: s.reshaped(0, 0, front), ((1,),) * missing + self.dims)
        for dim, n in enumerate(shape):
            if made.dims[dim] == (1,) and n != 1:
                axis = made.axis(dim)
                made = made.ended(axis)._with_length(axis, n)
        return made

    def with_channels(self, channels: int) -> Reach:
        """Returns each group of the second dimension so many channels that see the same."""
        batch, groups, *space = self.shape
        if groups == 1:
            return self.expand([batch, channels, *space])
        if groups == channels:
            return self
        apart = self.reshape([batch, groups, 1, *space])
        wide = apart.expand([batch, groups, channels // groups, *space])
        return wide.reshape([batch, channels, *space])

    def with_single(self, dim: int) -> Reach:
        """Writes one dimension as a single factor."""
        made = self
        while len(made.dims[dim]) > 1:
            made = made._merged(dim)
        return made

    def with_factors(self, dim: int, factors: Factors) -> Reach:
        """Writes one dimension with finer factors."""
        made = self
        for place, factor in enumerate(factors):
            length = made.dims[dim][place]
            if length != factor:
                made = made._split(made.axis(dim) + place, factor)
        return made

    def singled(self) -> Reach:
        """Writes every dimension as a single factor."""
        made = self
        for dim in range(len(self.dims)):
            made = made.with_single(dim)
        return made

    def _merged(self, dim: int) -> Reach:
        """Writes the first two factors of a dimension as one."""
        axis = self.axis(dim)
        made = self.ended(axis + 1)
        if (
            any(s.runs(axis) for s in made.field)
            and sum(s.varies(axis) or s.varies(axis + 1) for s in made.field) > 1
        ):
            made = made.ended(axis)
        outer, inner = made.lengths[axis : axis + 2]

        def merge(span: Span) -> Span:
            if not (span.varies(axis) or span.varies(axis + 1)):
                return span.reshaped(axis, 2, (1,))
            count = span.run.period if span.run and span.runs(axis) else outer
            wide = list(span.lo.shape)
            wide[axis : axis + 2] = [count, inner]
            full = replace(
                span, lo=np.broadcast_to(span.lo, wide), hi=np.broadcast_to(span.hi, wide)
            )
            run = span.run
            if span.runs(axis) and run is not None:
                run = Run(axis, count * inner, run.shift)
                return replace(replace(full, run=None).reshaped(axis, 2, (count * inner,)), run=run)
            return full.reshaped(axis, 2, (outer * inner,))

        factors = self.dims[dim]
        dims = (*self.dims[:dim], (outer * inner, *factors[2:]), *self.dims[dim + 1 :])
        return made._mapped(merge, dims)

    def _split(self, axis: int, outer: int) -> Reach:
        """Writes one factor as two: `outer`, and what is left."""
        length = self.lengths[axis]
        inner = length // outer

        def split(span: Span) -> Span:
            if span.runs(axis) and span.run is not None:
                period = lcm(span.run.period, inner)
                long = span.of_period(period)
                assert long.run is not None
                run = Run(axis, period // inner, long.run.shift)
                halves = replace(long, run=None).reshaped(axis, 1, (period // inner, inner))
                return replace(halves, run=run)
            return span.reshaped(axis, 1, (outer, inner) if span.varies(axis) else (1, 1))

        dims, at = [], 0
        for factors in self.dims:
            place = axis - at
            if 0 <= place < len(factors):
                dims.append((*factors[:place], outer, inner, *factors[place + 1 :]))
            else:
                dims.append(factors)
            at += len(factors)
        return self._mapped(split, tuple(dims))

    def _without_ones(self, first: int, last: int) -> Reach:
        """Leaves out the axes of length 1 of the dimensions from `first` to before `last`."""
        made, axis, dims = self, 0, []
        for dim, factors in enumerate(self.dims):
            if not first <= dim < last:
                dims.append(factors)
                axis += len(factors)
                continue
            for n in factors:
                if n == 1:
                    made = made._mapped(lambda s, at=axis: s.reshaped(at, 1, ()), self.dims)
                else:
                    axis += 1
            dims.append(tuple(n for n in factors if n != 1))
        return replace(made, dims=tuple(dims))

    def _with_ones(self, dims: tuple[Factors, ...]) -> Reach:
        """Names the dimensions, and gives those without an axis one of length 1."""
        made, axis = self, 0
        for factors in dims:
            if not factors:
                made = made._mapped(lambda s, at=axis: s.reshaped(at, 0, (1,)), made.dims)
            axis += len(factors) or 1
        return replace(made, dims=tuple(factors or (1,) for factors in dims))

    def _flattened(self) -> Reach:
        """Reads the elements as one dimension of a single factor."""
        whole = self._without_ones(0, len(self.dims))
        return replace(whole, dims=(whole.lengths,)).with_single(0)

    def ended(self, axis: int) -> Reach:
        """Ends the runs along one of the arrays' axes with the map."""
        lengths = self.lengths
        field = tuple(s.pinned(lengths) if s.runs(axis) else s for s in self.field)
        return replace(self, field=field)

    def _with_length(self, axis: int, length: int) -> Reach:
        flat = list(self.lengths)
        flat[axis] = length
        dims = []
        for factors in self.dims:
            dims.append(tuple(flat[: len(factors)]))
            flat = flat[len(factors) :]
        return replace(self, dims=tuple(dims))

    def _mapped(self, change: object, dims: tuple[Factors, ...]) -> Reach:
        return replace(
            self,
            dims=dims,
            seen=tuple(change(s) for s in self.seen),  # type: ignore[operator]
            field=tuple(change(s) for s in self.field),  # type: ignore[operator]
        )


def _slid(spans: tuple[Span, ...], axis: int, taps: Taps, length: int) -> tuple[Span, ...]:
    there = (taps.inside >= 0) & (taps.inside < length)
    varying = [span.varies(axis) for span in spans]
    if not any(varying) and not there.any(1).all():
        varying[0] = True  # one empty interval is enough to see nothing
    return tuple(
        through(span, axis, taps, length).narrowed(axis) if varies else span
        for span, varies in zip(spans, varying, strict=True)
    )


def _collapsed(spans: tuple[Span, ...], axis: int, lengths: Factors) -> tuple[Span, ...]:
    every = np.arange(lengths[axis])[None]
    return tuple(
        span.hull(axis, every, lengths[axis]) if span.varies(axis) else span for span in spans
    )


def told_apart(spans: tuple[Span, ...], axis: int) -> tuple[Span, ...]:
    """Empties each interval where another one is empty, if both vary along the axis.

    Else a hull over that axis would join rows of one element to columns of another.
    """
    varying = [span for span in spans if span.varies(axis)]
    if len(varying) < 2 or not any(span.sees_nothing.any() for span in varying):
        return spans
    nothing = varying[0].sees_nothing
    for span in varying[1:]:
        nothing = nothing | span.sees_nothing
    return tuple(span.masked(nothing) if span.varies(axis) else span for span in spans)
