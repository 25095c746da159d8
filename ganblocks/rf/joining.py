"""Merges branches: sums, products and concatenations of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from ganblocks.rf import intervals
from ganblocks.rf.intervals import LONGEST_PERIOD, IntervalArray, emptied_together
from ganblocks.rf.region import Factors, InputRegion, Intervals
from ganblocks.rf.taps import steps


def union(regions: Sequence[InputRegion], shape: Sequence[int]) -> InputRegion:
    """Returns the region of a sum: the union of the summands' regions."""
    if len(regions) == 1:
        return regions[0].expand(shape)
    regions = [region.expand(shape) for region in regions]
    constant = frozenset.intersection(*(region.constant for region in regions))
    regions = _with_equal_factors(regions)
    lengths = regions[0].lengths
    supports = [emptied_together(region.support) for region in regions]
    boxes = [_one_per_axis(region.box, lengths) for region in regions]
    support, box = (
        tuple(map(intervals.union, zip(*parts, strict=True)))
        for parts in (supports, _with_common_patterns(boxes, lengths))
    )
    return InputRegion(regions[0].dims, support, _one_per_axis(box, lengths), constant)


def cat(regions: Sequence[InputRegion], dim: int) -> InputRegion:
    """Returns the region of a concatenation.

    Along an image axis, the boxes continue like those of the longest nonempty part if it is at
    least half of the whole, as when a map is padded manually; otherwise, they end.
    """
    dim %= len(regions[0].dims)
    regions = _with_equal_factors([region.with_single_factor(dim) for region in regions], skip=dim)
    axis = regions[0].axes(dim)[0]
    counts = [region.dims[dim][0] for region in regions]
    dims = (*regions[0].dims[:dim], (sum(counts),), *regions[0].dims[dim + 1 :])
    lengths = tuple(n for factors in dims for n in factors)
    main = max(range(len(counts)), key=lambda n: (not regions[n].empty, counts[n]))

    def joined(parts: Sequence[Intervals]) -> Intervals:
        return tuple(intervals.cat(arrays, axis, counts) for arrays in zip(*parts, strict=True))

    if regions[main].periodic(dim) and 2 * counts[main] >= sum(counts):
        box = regions[main].gather(dim, steps(sum(counts), -sum(counts[:main]))).box
    else:
        ended = [region.ended(axis).box for region in regions]
        box = joined(_with_common_patterns(ended, lengths))
    support = joined([region.support for region in regions])
    return InputRegion(dims, support, _one_per_axis(box, lengths))


def misalignment(regions: Sequence[InputRegion]) -> float:
    """Returns the largest difference between the centers of merging branches, in input pixels.

    The centers within a period are averaged: up-sampling moves them back and forth.
    """
    most = 0.0
    for arrays in zip(*(region.with_single_factors().box for region in regions), strict=True):
        periodic = [(array, array.pattern) for array in arrays if array.pattern is not None]
        period = lcm(*(pattern.period for _, pattern in periodic))
        if len({pattern.stride for _, pattern in periodic}) == 1 and period <= LONGEST_PERIOD:
            centers = [_mean_center(array.with_period(period), p.axis) for array, p in periodic]
            most = max(most, max(c.max() for c in centers) - min(c.min() for c in centers))
    return float(most)


def _mean_center(array: IntervalArray, axis: int) -> NDArray[np.float64]:
    doubled = np.where(array.empty, 0, array.lo + array.hi - 1)
    count = np.maximum((~array.empty).sum(axis), 1)
    return np.asarray(doubled.sum(axis) / count / 2)


def _one_per_axis(arrays: Intervals, lengths: Factors) -> Intervals:
    """Drops a pattern along an axis where the intervals of another image axis vary, too."""
    made = list(arrays)
    for n, array in enumerate(arrays):
        if array.pattern is not None:
            axis = array.pattern.axis
            if sum(other.varies(axis) for other in arrays) > 1:
                made[n] = array.ended(lengths[axis])
    return tuple(made)


def _with_common_patterns(boxes: Sequence[Intervals], lengths: Factors) -> list[Intervals]:
    """Brings the intervals of each image axis to a common pattern, or drops their patterns."""
    made = []
    for arrays in zip(*boxes, strict=True):
        patterns = [array.pattern for array in arrays if not array.empty.all()]
        kinds = {pattern and (pattern.axis, pattern.stride) for pattern in patterns}
        period = lcm(*(pattern.period for pattern in patterns if pattern))
        if len(kinds) == 1 and None not in kinds and period <= LONGEST_PERIOD:
            full = [None if a.empty.all() else a.with_period(period) for a in arrays]
            common = next(array.pattern for array in full if array)
            nothing = IntervalArray.of_nothing(arrays[0].lo.ndim, common)
            made.append([array or nothing for array in full])
        else:
            made.append([a.ended(lengths[a.pattern.axis]) if a.pattern else a for a in arrays])
    return [tuple(arrays) for arrays in zip(*made, strict=True)]


def _with_equal_factors(
    regions: Sequence[InputRegion], skip: int | None = None
) -> list[InputRegion]:
    """Splits each dimension of several tensors into the same factors."""
    made = list(regions)
    for dim in range(len(made[0].dims)):
        factorings = {region.dims[dim] for region in made}
        if dim == skip or len(factorings) == 1:
            continue
        cuts = {1, *(prod(factors[i:]) for factors in factorings for i in range(len(factors)))}
        if all(b % a == 0 for a, b in pairwise(sorted(cuts))):
            factors = tuple(b // a for a, b in pairwise(sorted(cuts)))[::-1]
            made = [region.with_factors(dim, factors) for region in made]
        else:
            made = [region.with_single_factor(dim) for region in made]
    return made
