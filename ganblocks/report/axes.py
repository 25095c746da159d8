"""The numbers of a chart: thinned curves, axes, ticks."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_WIDE = 100  # use a log axis if the values differ by this factor


class Point(NamedTuple):
    """One point of a thinned curve: the mean, smallest and largest value of its rows."""

    step: float
    mean: float
    low: float
    high: float


class Axis(NamedTuple):
    """A range of values with its ticks, linear or logarithmic."""

    low: float
    high: float
    ticks: list[float]
    log: bool = False

    def at(self, value: float, start: float, end: float) -> float:
        """Maps a value to a position between `start` and `end`, and clips it to the axis."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return start + (value - low) / (high - low) * (end - start)


def thin(steps: Sequence[float], values: Sequence[float], points: int = 200) -> list[Point]:
    """Averages neighboring rows, ignoring NaN and infinity, to at most `points` points.

    The mean of a point without a finite value is NaN, which leaves a gap in the curve.
    """
    count = min(points, len(values))
    thinned = []
    for index in range(count):
        # Point sizes differ by at most one row; a much smaller last point would be noisy.
        start, end = index * len(values) // count, (index + 1) * len(values) // count
        finite = values[start:end]
        if not math.isfinite(sum(finite)):
            finite = [value for value in finite if math.isfinite(value)] or [math.nan]
        step, mean = sum(steps[start:end]) / (end - start), sum(finite) / len(finite)
        thinned.append(Point(step, mean, min(finite), max(finite)))
    return thinned


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Returns round numbers (1, 2 or 5 times a power of ten apart) that enclose low and high."""
    if high <= low:
        high = low + 1
    power = math.floor(math.log10((high - low) / most))
    unit = next(u for u in (1, 2, 5, 10) if (high - low) / (u * 10.0**power) <= most * (1 + 1e-9))
    first = math.floor(low / (unit * 10.0**power) + 1e-9)
    last = math.ceil(high / (unit * 10.0**power) - 1e-9)
    # Rounded, or 3 * 0.1 would be displayed as 0.30000000000000004.
    return [round(i * unit * 10.0**power, max(0, -power)) for i in range(first, last + 1)]


def value_axis(curves: Sequence[Sequence[Point]], scale: str = "auto") -> Axis:
    """Returns the vertical axis: linear from 0, or logarithmic if the values span a wide range."""
    known = [point for curve in curves for point in curve if not math.isnan(point.mean)]
    if not known:
        return Axis(0, 1, [])
    # A few outliers must not flatten the rest: ignore the outer 2 % of the extremes.
    outliers = len(known) // 50
    low = min(sorted(p.low for p in known)[outliers], min(p.mean for p in known))
    high = max(sorted(p.high for p in known)[-1 - outliers], max(p.mean for p in known))
    if scale == "auto" and low > 0 and high / low >= _WIDE:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        stride = math.ceil((last - first) / 6)
        ticks = [10.0**power for power in range(first, last + 1, stride)]
        return Axis(10.0**first, 10.0**last, ticks, log=True)
    ticks = round_ticks(min(low, 0), max(high, 0))
    return Axis(ticks[0], ticks[-1], ticks)


def number_text(value: float) -> str:
    """Formats a number for a tick or a legend."""
    if not math.isfinite(value):
        return "–"
    size = abs(float(f"{value:.4g}"))  # as displayed: 9999.99 is 10k
    if size >= 1e9 or 0 < size < 1e-3:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    return f"{value:.4g}"
