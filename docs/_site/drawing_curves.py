"""Draws functions of one variable as SVG curves on axes that several charts share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from _site.drawing_parts import svg, text
from ganblocks.report.axes import Axis, number_text, round_ticks

SIZE = (250, 230)
LEFT, RIGHT, TOP, BOTTOM = 30, 242, 28, 190


class Axes(NamedTuple):
    """The axes of charts that are compared."""

    over: str
    horizontal: Axis
    vertical: Axis

    @classmethod
    def of(cls, over: str, xs: Sequence[float], ys: Sequence[float]) -> Axes:
        """Returns axes whose ends are round numbers.

        Args:
            over: Label of the horizontal axis.
            xs: Its least and its largest value.
            ys: Those of the vertical axis; curves beyond are cut off.
        """
        return cls(over, *(_axis(min(ends), max(ends)) for ends in (xs, ys)))


def chart(
    name: str,
    title: str,
    axes: Axes,
    xs: Sequence[float],
    curves: Mapping[str, Sequence[float]],
) -> str:
    """Returns a chart.

    Args:
        name: Prefix of the chart's identifiers.
        title: Title of the chart.
        axes: Its axes.
        xs: Rising positions on the horizontal axis.
        curves: Values of each curve, by its name.

    Raises:
        ValueError: A value is not finite.
    """
    if not all(math.isfinite(value) for curve in curves.values() for value in curve):
        raise ValueError(f"{title}: a value is not finite")
    parts = [text(LEFT, 14, title, "start", "shape"), *_grid(axes)]
    clip = f"{name}-inside"
    parts.append(
        f'<clipPath id="{clip}"><rect x="{LEFT}" y="{TOP - 1}" width="{RIGHT - LEFT}" '
        f'height="{BOTTOM - TOP + 2}"/></clipPath>'
    )
    for index, ys in enumerate(curves.values()):
        points = "L".join(
            f"{axes.horizontal.at(x, LEFT, RIGHT):.1f} {_height(axes.vertical, y):.1f}"
            for x, y in zip(xs, ys, strict=True)
        )
        style = f'class="gb-curve gb-series-{index}" clip-path="url(#{clip})"'
        parts.append(f'<path {style} d="M{points}"/>')
    ends = ", ".join(
        f"{curve} from {number_text(ys[0])} to {number_text(ys[-1])}"
        for curve, ys in curves.items()
    )
    over = f"For {axes.over} from {number_text(xs[0])} to {number_text(xs[-1])}"
    return svg(name, title, f"{over}: {ends}.", SIZE, parts)


def legend(curves: Sequence[str]) -> str:
    """Returns the legend of charts with the same curves.

    Example:
        >>> legend(["value"])
        '<p class="gb-legend"><span><i class="gb-series-0"></i>value</span></p>'
    """
    keys = (f'<span><i class="gb-series-{n}"></i>{curve}</span>' for n, curve in enumerate(curves))
    return f'<p class="gb-legend">{"".join(keys)}</p>'


def _grid(axes: Axes) -> list[str]:
    parts = []
    for tick in axes.vertical.ticks:
        y = axes.vertical.at(tick, BOTTOM, TOP)
        parts.append(_line(LEFT, y, RIGHT, y, tick == 0))
        parts.append(text(LEFT - 6, y + 4, number_text(tick), "end"))
    for tick in axes.horizontal.ticks:
        x = axes.horizontal.at(tick, LEFT, RIGHT)
        parts.append(_line(x, TOP, x, BOTTOM, tick == 0))
        parts.append(text(x, BOTTOM + 16, number_text(tick)))
    return [*parts, text((LEFT + RIGHT) / 2, SIZE[1] - 8, axes.over)]


def _height(axis: Axis, value: float) -> float:
    """Maps a value to a height, beyond the axis too: `Axis.at` would draw a line along its end."""
    return BOTTOM + (value - axis.low) / (axis.high - axis.low) * (TOP - BOTTOM)


def _axis(low: float, high: float) -> Axis:
    ticks = round_ticks(low, high)
    return Axis(ticks[0], ticks[-1], ticks)


def _line(x1: float, y1: float, x2: float, y2: float, zero: bool) -> str:
    kind = "zero" if zero else "grid"
    return f'<path class="gb-{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
