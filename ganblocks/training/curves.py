"""The curves of a training run as SVG text: numbers in, a picture out, standard library only."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from ganblocks.errors import OptionError, require_at_least, require_one_of

WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 466, 36, 224
"""The frame that the curves are drawn in, inside `WIDTH` by `HEIGHT`."""

_COLOURS = ("#0067b8", "#c2410c", "#047857", "#7c3aed")  # without a style sheet; in turn
_WIDE = 100  # values that differ by this factor need a log axis


class Point(NamedTuple):
    """One point of a thinned curve: the mean of its rows, and their smallest and largest value."""

    step: float
    mean: float
    low: float
    high: float


class Axis(NamedTuple):
    """A range of values, its ticks, and whether it is spaced by powers of ten."""

    low: float
    high: float
    ticks: list[float]
    log: bool = False

    def at(self, value: float, start: float, end: float) -> float:
        """Places a value between the pixels `start` and `end`; one outside the axis at its end.

        Examples:
            >>> Axis(0, 10, []).at(5, 100, 200)
            150.0
        """
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return start + (value - low) / (high - low) * (end - start)


def thin(steps: Sequence[float], values: Sequence[float], points: int = 200) -> list[Point]:
    """Joins neighbouring rows until at most `points` are left; NaN and infinity do not count.

    Where no row of a point is finite, its mean is NaN: the curve has a gap there.

    Examples:
        >>> thin([1, 2, 3, 4], [1.0, 3.0, float("nan"), 5.0], points=2)
        [Point(step=1.5, mean=2.0, low=1.0, high=3.0), Point(step=3.5, mean=5.0, low=5.0, high=5.0)]
    """
    count = min(points, len(values))
    thinned = []
    for index in range(count):
        # Of equal size up to one row: a short last point would jump with the noise.
        start, end = index * len(values) // count, (index + 1) * len(values) // count
        some = values[start:end]
        if not math.isfinite(sum(some)):
            some = [value for value in some if math.isfinite(value)] or [math.nan]
        step, mean = sum(steps[start:end]) / (end - start), sum(some) / len(some)
        thinned.append(Point(step, mean, min(some), max(some)))
    return thinned


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Returns round numbers (1, 2 or 5 times a power of ten apart) that enclose low and high.

    Args:
        low: The smallest value.
        high: The largest value.
        most: How many spaces there may be between `low` and `high`.

    Examples:
        >>> round_ticks(0, 0.83)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if high <= low:
        high = low + 1
    power = math.floor(math.log10((high - low) / most))
    unit = next(u for u in (1, 2, 5, 10) if (high - low) / (u * 10.0**power) <= most * (1 + 1e-9))
    first = math.floor(low / (unit * 10.0**power) + 1e-9)
    last = math.ceil(high / (unit * 10.0**power) - 1e-9)
    # Rounded, or 3 * 0.1 would read 0.30000000000000004.
    return [round(i * unit * 10.0**power, max(0, -power)) for i in range(first, last + 1)]


def value_axis(curves: Sequence[Sequence[Point]], scale: str = "auto") -> Axis:
    """Chooses the vertical axis: linear from 0, or powers of ten where the values span many.

    Examples:
        >>> value_axis([[Point(1, 0.004, 0.004, 0.004), Point(2, 6, 6, 6)]]).ticks
        [0.001, 0.01, 0.1, 1.0, 10.0]
    """
    known = [point for curve in curves for point in curve if not math.isnan(point.mean)]
    if not known:
        return Axis(0, 1, [])
    # A few wild rows must not flatten the rest: the extremes count without their outer 2 %.
    spared = len(known) // 50
    low = min(sorted(p.low for p in known)[spared], min(p.mean for p in known))
    high = max(sorted(p.high for p in known)[-1 - spared], max(p.mean for p in known))
    if scale == "auto" and low > 0 and high / low >= _WIDE:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        stride = math.ceil((last - first) / 6)
        ticks = [10.0**power for power in range(first, last + 1, stride)]
        return Axis(10.0**first, 10.0**last, ticks, log=True)
    ticks = round_ticks(min(low, 0), max(high, 0))
    return Axis(ticks[0], ticks[-1], ticks)


def number_text(value: float) -> str:
    """Writes a number short enough for a tick or a legend.

    Examples:
        >>> number_text(0.0002), number_text(25000), number_text(0.4375), number_text(float("nan"))
        ('2e-4', '25k', '0.4375', '–')
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{float(mantissa):g}e{int(exponent)}"
    elif size >= 1e6:
        text = f"{value / 1e6:.4g}M"
    elif size >= 1e4:
        text = f"{value / 1e3:.4g}k"
    else:
        text = f"{value:.4g}"
    return text


def line_chart(
    title: str,
    steps: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    scale: str = "auto",
    points: int = 200,
) -> str:
    """Draws series of numbers over the steps and returns the SVG element as text.

    Long series are thinned to `points` means with a band from the smallest to the largest value.
    The colours come from the CSS variables `--series-0`, `--series-1`, …, where the page has them.

    Args:
        title: What the chart shows, read aloud by screen readers.
        steps: The step of each row, rising.
        series: The name of each curve, and its value at each step.
        scale: `"linear"`, or `"auto"`: powers of ten where the values span many.
        points: How many points a curve may have.

    Examples:
        >>> line_chart("Loss", [1, 2], {"D": [0.7, 0.5]})[:4]
        '<svg'
    """
    require_one_of("scale", scale, ("auto", "linear"))
    require_at_least("points", points, 1)
    for name, values in series.items():
        if len(values) != len(steps):
            raise OptionError(
                f"series {name!r} has {len(values)} values for {len(steps)} steps: "
                "give one for each step, NaN where there is none"
            )
    curves = {name: thin(steps, values, points) for name, values in series.items()}
    vertical = value_axis(list(curves.values()), scale)
    horizontal = _step_axis(steps)
    parts = [_axes(horizontal, vertical)]
    ends = []
    for index, (name, curve) in enumerate(curves.items()):
        last = next((p.mean for p in reversed(curve) if not math.isnan(p.mean)), math.nan)
        ends.append(f"{name} {number_text(last)}")
        colour = f"var(--series-{index},{_COLOURS[index % len(_COLOURS)]})"
        legend_x = LEFT + index * (RIGHT - LEFT) / len(curves)
        parts.append(_legend(legend_x, ends[-1], colour))
        parts.append(_curve(curve, horizontal, vertical, colour))
    if not vertical.ticks:
        parts.append(_text((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2, "no values yet", "middle"))
    label = escape(f"{title}. Last values: {', '.join(ends) or 'none'}")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" '
        f'style="font:13px system-ui,sans-serif">{"".join(parts)}</svg>'
    )


def _step_axis(steps: Sequence[float]) -> Axis:
    last = max([1, *steps])
    ticks = [tick for tick in round_ticks(0, last) if tick <= last and tick == int(tick)]
    return Axis(0, last, ticks)


def _axes(horizontal: Axis, vertical: Axis) -> str:
    parts = []
    for tick in vertical.ticks:
        y = vertical.at(tick, BOTTOM, TOP)
        kind = "zero" if tick == 0 else "grid"
        parts.append(_line(LEFT, y, RIGHT, y, kind))
        parts.append(_text(LEFT - 7, y + 4, number_text(tick), "end"))
    for tick in horizontal.ticks:
        x = horizontal.at(tick, LEFT, RIGHT)
        parts.append(_line(x, BOTTOM, x, BOTTOM + 4, "zero"))
        parts.append(_text(x, BOTTOM + 18, number_text(tick), "middle"))
    parts.append(_text(RIGHT, HEIGHT - 3, "step", "end"))
    return "".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'style="stroke:var(--{kind},#999)"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="fill:var(--muted,#555)">{escape(text)}</text>'
    )


def _legend(x: float, text: str, colour: str) -> str:
    swatch = f'<path d="M{x:.1f} 15h18" style="stroke:{colour};stroke-width:3"/>'
    return f'<g class="legend">{swatch}{_text(x + 24, 19, text, "start")}</g>'


def _curve(curve: Sequence[Point], horizontal: Axis, vertical: Axis, colour: str) -> str:
    line, band = [], []
    for run in _unbroken(curve):
        xs = [f"{horizontal.at(point.step, LEFT, RIGHT):.1f}" for point in run]
        means, lows, highs = (
            [f"{x} {vertical.at(y, BOTTOM, TOP):.1f}" for x, y in zip(xs, ys, strict=True)]
            for ys in zip(*((p.mean, p.low, p.high) for p in run), strict=True)
        )
        # A point alone is a line of no length: its round cap shows it as a dot.
        line.append(f"M{'L'.join(means)}" + ("h0" if len(run) == 1 else ""))
        if len(run) > 1 and lows != highs:
            band.append(f"M{'L'.join(highs + lows[::-1])}Z")
    style = f"fill:none;stroke:{colour};stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round"
    shade = f'<path class="band" d="{"".join(band)}" style="fill:{colour};opacity:.18"/>'
    return f'{shade if band else ""}<path class="curve" d="{"".join(line)}" style="{style}"/>'


def _unbroken(curve: Sequence[Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in curve:
        if not math.isnan(point.mean):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
