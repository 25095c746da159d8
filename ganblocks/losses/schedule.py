"""Weights of loss terms: constant, piecewise linear in the step, or adaptive."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from math import isfinite
from typing import Any, TypeGuard

from ganblocks.errors import OptionError
from ganblocks.losses.adaptive import AdaptiveWeight

Weight = float | Sequence[Sequence[float]] | AdaptiveWeight
"""A number, points [step, weight] that are interpolated linearly, or an adaptive weight."""

_ADAPTIVE = "adaptive"


def parse_weight(what: str, weight: Any) -> Weight:
    """Returns a weight from its spec: a number, points with increasing steps, or "adaptive".

    Raises:
        OptionError: The weight is invalid.

    Examples:
        >>> parse_weight("weight", [[0, 0.0], [1000, 10.0]])
        [[0, 0.0], [1000, 10.0]]
        >>> parse_weight("weight", "adaptive")
        AdaptiveWeight(factor=1.0)
    """
    if isinstance(weight, AdaptiveWeight):
        return weight
    if isinstance(weight, Mapping) and weight.get("type") == _ADAPTIVE:
        if weight.keys() <= {"type", "factor"}:
            return AdaptiveWeight(*([weight["factor"]] if "factor" in weight else []))
    elif weight == _ADAPTIVE:
        return AdaptiveWeight()
    points = weight if _is_points(weight) else [[0, weight]]
    valid = bool(points) and all(
        isinstance(n, int | float) and not isinstance(n, bool) and isfinite(n)
        for n in chain(*points)
    )
    if not valid or any(left[0] >= right[0] for left, right in pairwise(points)):
        raise OptionError(
            f"{what} is {weight!r}: write a number, points [step, weight] with increasing "
            'steps, such as [[0, 0.0], [1000, 10.0]], or "adaptive" for an adversarial term',
            see="loss-weights",
        )
    # A copy: the caller may change the list of points later.
    return [list(point) for point in weight] if _is_points(weight) else weight  # type: ignore[no-any-return]


def weight_at(weight: float | Sequence[Sequence[float]], step: int) -> float:
    """Returns the weight at a step, constant before the first point and after the last.

    Examples:
        >>> points = [[100, 0.0], [200, 10.0]]
        >>> [weight_at(points, step) for step in (0, 150, 500)]
        [0.0, 5.0, 10.0]
    """
    if not isinstance(weight, Sequence):
        return float(weight)
    after = bisect_right([point[0] for point in weight], step)
    if after in (0, len(weight)):
        return float(weight[max(0, after - 1)][1])
    (left, low), (right, high) = weight[after - 1], weight[after]
    return float(low + (high - low) * (step - left) / (right - left))


def _is_points(weight: object) -> TypeGuard[Sequence[Sequence[float]]]:
    return isinstance(weight, Sequence) and all(
        isinstance(point, Sequence) and not isinstance(point, str) and len(point) == 2
        for point in weight
    )
