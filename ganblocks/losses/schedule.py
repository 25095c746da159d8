"""Weights of loss terms, constant or piecewise linear in the step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain, pairwise
from math import isfinite
from typing import Any, TypeGuard

from ganblocks.errors import OptionError

Weight = float | Sequence[Sequence[float]]
"""A number, or points [step, weight] that are interpolated linearly."""


def require_weight(what: str, weight: Any) -> None:
    """Raises `OptionError` unless the weight is a number or points with increasing steps.

    Examples:
        >>> require_weight("weight", [[0, 0.0], [1000, 10.0]])
    """
    points = weight if _is_points(weight) else [[0, weight]]
    valid = bool(points) and all(
        isinstance(n, int | float) and not isinstance(n, bool) and isfinite(n)
        for n in chain(*points)
    )
    if not valid or any(left[0] >= right[0] for left, right in pairwise(points)):
        raise OptionError(
            f"{what} is {weight!r}: write a number, or points [step, weight] with increasing "
            "steps, such as [[0, 0.0], [1000, 10.0]]",
            see="loss-weights",
        )


def weight_at(weight: Weight, step: int) -> float:
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
