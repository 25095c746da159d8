"""Draws functions of one variable as SVG curves, with axes and a legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from _site.drawing_parts import svg, text
from ganblocks.report.axes import Axis, number_text, round_ticks

SIZE = (360, 270)
LEFT, RIGHT, TOP, BOTTOM = 44, 348, 52, 224


def chart(
    name: str,
    title: str,
    over: str,
    xs: Sequence[float],
    curves: Mapping[str, Sequence[float]],
) -> str:
    """Returns a chart.

    Args:
        name: Prefix of the chart's identifiers.
        title: Title of the chart.
        over: Label of the horizontal axis.
        xs: Rising positions on the horizontal axis.
        curves: Values of each curve, by its name.

    Raises:
        ValueError: A value is not finite.
    """
    values = [value for curve in curves.values() for value in curve]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{title}: a value is not finite")
    horizontal = _axis(xs)
    vertical = _axis([min(0.0, *values), max(0.0, *values)])
    parts = [text(LEFT, 16, title, "start", "shape")]
    for tick in vertical.ticks:
        y = vertical.at(tick, BOTTOM, TOP)
        parts.append(_line(LEFT, y, RIGHT, y, tick == 0))
        parts.append(text(LEFT - 6, y + 4, number_text(tick), "end"))
    for tick in horizontal.ticks:
        x = horizontal.at(tick, LEFT, RIGHT)
        parts.append(_line(x, TOP, x, BOTTOM, tick == 0))
        parts.append(text(x, BOTTOM + 16, number_text(tick)))
    parts.append(text((LEFT + RIGHT) / 2, SIZE[1] - 10, over))
    several = len(curves) > 1
    for index, (curve, ys) in enumerate(curves.items()):
        points = "L".join(
            f"{horizontal.at(x, LEFT, RIGHT):.1f} {vertical.at(y, BOTTOM, TOP):.1f}"
            for x, y in zip(xs, ys, strict=True)
        )
        parts.append(f'<path class="gb-curve gb-series-{index}" d="M{points}"/>')
        if several:
            x = LEFT + index * (RIGHT - LEFT) / len(curves)
            parts.append(f'<path class="gb-legend gb-series-{index}" d="M{x:.1f} 34h24"/>')
            parts.append(text(x + 30, 38, curve, "start"))
    ends = ", ".join(
        f"{curve} from {number_text(ys[0])} to {number_text(ys[-1])}"
        for curve, ys in curves.items()
    )
    description = f"For {over} from {number_text(xs[0])} to {number_text(xs[-1])}: {ends}."
    return svg(name, title, description, SIZE, parts)


def _axis(values: Sequence[float]) -> Axis:
    ticks = round_ticks(min(values), max(values))
    return Axis(ticks[0], ticks[-1], ticks)


def _line(x1: float, y1: float, x2: float, y2: float, zero: bool) -> str:
    kind = "zero" if zero else "grid"
    return f'<path class="gb-{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
