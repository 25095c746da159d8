"""Branches that meet: sums, products and concatenations of tensors with fields of their own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from ganblocks.rf.reach import Reach
from ganblocks.rf.span import (
    LONGEST_PERIOD,
    NOTHING_HI,
    NOTHING_LO,
    Run,
    Span,
    union as union_of_spans,
)
from ganblocks.rf.taps import steps


def union(reaches: Sequence[Reach], shape: Sequence[int]) -> Reach:
    """Returns what the elements of a sum see: what any of the summands does there."""
    if len(reaches) == 1:
        return reaches[0].expand(shape)
    reaches = _refined([reach.expand(shape) for reach in reaches])
    seen = [_one_by_one(reach.seen) for reach in reaches]
    fields = _of_one_run([_settled(reach.field, reach.lengths) for reach in reaches], reaches[0])
    return Reach(
        reaches[0].dims,
        tuple(union_of_spans(list(spans)) for spans in zip(*seen, strict=True)),
        _settled(
            tuple(union_of_spans(list(spans)) for spans in zip(*fields, strict=True)),
            reaches[0].lengths,
        ),
    )


def cat(reaches: Sequence[Reach], dim: int) -> Reach:
    """Returns what the elements of a concatenation see.

    Along an axis of the image the field goes on as that of the longest piece that sees anything,
    if it is at least half of the whole, as where a map is padded by hand; else it ends there.
    """
    dim %= len(reaches[0].dims)
    reaches = _refined([reach.with_single(dim) for reach in reaches], skip=dim)
    axis = reaches[0].axis(dim)
    counts = [reach.dims[dim][0] for reach in reaches]
    total = sum(counts)
    dims = (*reaches[0].dims[:dim], (total,), *reaches[0].dims[dim + 1 :])
    main = max(range(len(counts)), key=lambda n: (not reaches[n].sees_nothing, counts[n]))
    fields: Sequence[tuple[Span, ...]]
    if any(span.runs(axis) for span in reaches[main].field) and 2 * counts[main] >= total:
        taps = steps(total, -sum(counts[:main]))
        field = reaches[main].gather(dim, taps).field
    else:
        ended = [reach.ended(axis) for reach in reaches]
        fields = _of_one_run([reach.field for reach in ended], reaches[0], skip=axis)
        field = _side_by_side(fields, axis, counts)
    seen = _side_by_side([reach.seen for reach in reaches], axis, counts)
    lengths = tuple(n for factors in dims for n in factors)
    return Reach(dims, seen, _settled(field, lengths))


def misalignment(reaches: Sequence[Reach]) -> float:
    """Returns the most by which centers of branches that meet differ, in input pixels.

    The centers of all phases are averaged: up-sampling moves them to and fro within one step.
    """
    most = 0.0
    for spans in zip(*(reach.singled().field for reach in reaches), strict=True):
        running = [span for span in spans if span.run is not None]
        rates = {Fraction(s.run.shift, s.run.period) for s in running if s.run}
        period = lcm(*(span.run.period for span in running if span.run))
        if len(rates) == 1 and period <= LONGEST_PERIOD:
            centers = [_mean_center(span.of_period(period)) for span in running]
            most = max(most, max(c.max() for c in centers) - min(c.min() for c in centers))
    return float(most)


def _mean_center(span: Span) -> NDArray[np.float64]:
    assert span.run is not None
    doubled = np.where(span.sees_nothing, 0, span.lo + span.hi - 1)
    count = np.maximum((~span.sees_nothing).sum(span.run.axis), 1)
    return np.asarray(doubled.sum(span.run.axis) / count / 2)


def _one_by_one(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Empties all intervals of an element of which one is empty."""
    if not any(span.sees_nothing.any() for span in spans):
        return spans
    nothing = np.asarray(False)
    for span in spans:
        nothing = nothing | span.sees_nothing
    return tuple(span.masked(nothing) for span in spans)


def _settled(spans: tuple[Span, ...], lengths: tuple[int, ...]) -> tuple[Span, ...]:
    """Ends a run along an axis along which another span varies too."""
    made = list(spans)
    for n, span in enumerate(spans):
        if span.run is None:
            continue
        axis = span.run.axis
        if any(other.varies(axis) for m, other in enumerate(spans) if m != n):
            made[n] = span.pinned(lengths)
    return tuple(made)


def _of_one_run(
    fields: Sequence[tuple[Span, ...]], like: Reach, skip: int | None = None
) -> list[tuple[Span, ...]]:
    """Writes the spans of each axis of the input with one common run, or ends their runs."""
    made = []
    for spans in zip(*fields, strict=True):
        silent = [bool(span.sees_nothing.all()) for span in spans]
        speaking = [s for s, nothing in zip(spans, silent, strict=True) if not nothing]
        rates = {
            (s.run.axis, Fraction(s.run.shift, s.run.period)) if s.run else None for s in speaking
        }
        period = lcm(*(s.run.period for s in speaking if s.run)) if speaking else 1
        if len(rates) == 1 and None not in rates and period <= LONGEST_PERIOD:
            shared = next(s.of_period(period).run for s in speaking)
            made.append(
                [
                    _nothing_like(s, shared) if nothing else s.of_period(period)
                    for s, nothing in zip(spans, silent, strict=True)
                ]
            )
        else:
            lengths = list(like.lengths)
            made.append([s.pinned(tuple(lengths)) for s in spans])
    return [tuple(spans) for spans in zip(*made, strict=True)]


def _nothing_like(span: Span, run: Run | None) -> Span:
    one = [1] * span.lo.ndim
    if run is not None:
        one[run.axis] = run.period
    return Span(np.full(one, NOTHING_LO), np.full(one, NOTHING_HI), run)


def _side_by_side(
    parts: Sequence[tuple[Span, ...]], axis: int, counts: Sequence[int]
) -> tuple[Span, ...]:
    made = []
    for spans in zip(*parts, strict=True):
        shapes = [list(span.lo.shape) for span in spans]
        wide = [list(np.broadcast_shapes(*map(tuple, _without(shapes, axis))))] * len(spans)
        arrays = []
        for which in ("lo", "hi"):
            pieces = []
            for span, count, shape in zip(spans, counts, wide, strict=True):
                full = [*shape[:axis], count, *shape[axis + 1 :]]
                pieces.append(np.broadcast_to(getattr(span, which), full))
            arrays.append(np.concatenate(pieces, axis))
        made.append(Span(arrays[0], arrays[1], spans[0].run).narrowed(axis))
    return tuple(made)


def _without(shapes: list[list[int]], axis: int) -> list[list[int]]:
    return [[1 if i == axis else n for i, n in enumerate(shape)] for shape in shapes]


def _refined(reaches: Sequence[Reach], skip: int | None = None) -> list[Reach]:
    """Writes each dimension of several tensors with the same factors."""
    made = list(reaches)
    for dim in range(len(made[0].dims)):
        if dim == skip or len({reach.dims[dim] for reach in made}) == 1:
            continue
        cuts = sorted(
            {prod(reach.dims[dim][i:]) for reach in made for i in range(1, len(reach.dims[dim]))}
            | {prod(made[0].dims[dim])}
        )
        if all(b % a == 0 for a, b in pairwise(cuts)):
            steps_up = [b // a for a, b in zip([1, *cuts], cuts, strict=False)]
            factors = tuple(reversed(steps_up))
            made = [reach.with_factors(dim, factors) for reach in made]
        else:
            made = [reach.with_single(dim) for reach in made]
    return made
