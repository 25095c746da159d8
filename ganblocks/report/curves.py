"""Line charts as SVG, with the standard library only."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ganblocks.errors import OptionError, require_at_least, require_one_of
from ganblocks.report.axes import Axis, Point, number_text, round_ticks, thin, value_axis

WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 466, 36, 224
"""The frame of the curves, inside `WIDTH` by `HEIGHT`."""

_COLORS = ("#0067b8", "#c2410c", "#047857", "#7c3aed")  # without a style sheet


def line_chart(
    title: str,
    steps: Sequence[float],
    series: Mapping[str, Sequence[float | None]],
    *,
    scale: str = "auto",
    points: int = 200,
) -> Markup:
    """Returns an SVG element with one curve for each series of numbers over the steps.

    Long series are thinned to `points` means with a band from the smallest to the largest value.
    Colors come from the CSS variables `--series-0`, `--series-1`, … if the page defines them.

    Examples:
        >>> line_chart("Loss", [1, 2], {"D": [0.7, 0.5]})[:4]
        Markup('<svg')
    """
    require_one_of("scale", scale, ("auto", "linear"))
    require_at_least("points", points, 1)
    for name, values in series.items():
        if len(values) != len(steps):
            raise OptionError(
                f"series {name!r} has {len(values)} values for {len(steps)} steps: "
                "pass one value for each step, or None"
            )
    curves = {name: _thinned(steps, values, points) for name, values in series.items()}
    vertical = value_axis(list(curves.values()), scale)
    horizontal = _step_axis(steps)
    elements = [_axes(horizontal, vertical)]
    ends = [f"{name} {number_text(_last(curve))}" for name, curve in curves.items()]
    positions = _legend_positions(ends)
    for i, (curve, end, (x, y)) in enumerate(zip(curves.values(), ends, positions, strict=True)):
        color = f"var(--series-{i % len(_COLORS)},{_COLORS[i % len(_COLORS)]})"
        elements.append(_legend(x, y, end, color))
        elements.append(_curve(curve, horizontal, vertical, color))
    if not vertical.ticks:
        elements.append(_text((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2, "no values yet", "middle"))
    label = f"{title}. Last values: {', '.join(ends) or 'none'}"
    top = min([0, *(y - 19 for _, y in positions)])  # the legend grows upwards
    return Markup(
        '<svg viewBox="0 {} {} {}" role="img" aria-label="{}" '
        'style="font:13px system-ui,sans-serif">{}</svg>'
    ).format(top, WIDTH, HEIGHT - top, label, Markup().join(elements))


def _thinned(steps: Sequence[float], values: Sequence[float | None], points: int) -> list[Point]:
    known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
    return thin([step for step, _ in known], [value for _, value in known], points)


def _last(curve: Sequence[Point]) -> float:
    return next((p.mean for p in reversed(curve) if not math.isnan(p.mean)), math.nan)


def _step_axis(steps: Sequence[float]) -> Axis:
    last = max([1, *steps])
    ticks = [tick for tick in round_ticks(0, last) if tick <= last and tick == int(tick)]
    return Axis(0, last, ticks)


def _axes(horizontal: Axis, vertical: Axis) -> Markup:
    elements = []
    for tick in vertical.ticks:
        y = vertical.at(tick, BOTTOM, TOP)
        elements.append(_line(LEFT, y, RIGHT, y, "zero" if tick == 0 else "grid"))
        elements.append(_text(LEFT - 7, y + 4, number_text(tick), "end"))
    for tick in horizontal.ticks:
        x = horizontal.at(tick, LEFT, RIGHT)
        elements.append(_line(x, BOTTOM, x, BOTTOM + 4, "zero"))
        elements.append(_text(x, BOTTOM + 18, number_text(tick), "middle"))
    elements.append(_text(RIGHT, HEIGHT - 3, "step", "end"))
    return Markup().join(elements)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup(
        '<line class="{0}" x1="{1:.1f}" y1="{2:.1f}" x2="{3:.1f}" y2="{4:.1f}" '
        'style="stroke:var(--{0},#999)"/>'
    ).format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}" style="fill:var(--muted,#555)">{}</text>'
    ).format(x, y, anchor, text)


def _legend_positions(texts: Sequence[str]) -> list[tuple[float, int]]:
    room = 32 + 9 * max(map(len, texts), default=0)
    columns = max(1, min(len(texts), (RIGHT - LEFT) // room))
    rows = -(-len(texts) // columns)
    return [
        (LEFT + i % columns * (RIGHT - LEFT) / columns, 19 - 18 * (rows - 1 - i // columns))
        for i in range(len(texts))
    ]


def _legend(x: float, y: int, text: str, color: str) -> Markup:
    return Markup(
        '<g class="legend"><path d="M{:.1f} {}h18" style="stroke:{};stroke-width:3"/>{}</g>'
    ).format(x, y - 4, color, _text(x + 24, y, text, "start"))


def _curve(curve: Sequence[Point], horizontal: Axis, vertical: Axis, color: str) -> Markup:
    line, band = [], []
    for run in _unbroken(curve):
        xs = [f"{horizontal.at(point.step, LEFT, RIGHT):.1f}" for point in run]
        means, lows, highs = (
            [f"{x} {vertical.at(y, BOTTOM, TOP):.1f}" for x, y in zip(xs, ys, strict=True)]
            for ys in zip(*((p.mean, p.low, p.high) for p in run), strict=True)
        )
        # A single point is a line of length 0, whose round cap is a dot.
        line.append(f"M{'L'.join(means)}" + ("h0" if len(run) == 1 else ""))
        if len(run) > 1 and lows != highs:
            band.append(f"M{'L'.join(highs + lows[::-1])}Z")
    style = f"fill:none;stroke:{color};stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round"
    shade = Markup('<path class="band" d="{}" style="fill:{};opacity:.18"/>')
    return Markup('{}<path class="curve" d="{}" style="{}"/>').format(
        shade.format("".join(band), color) if band else "", "".join(line), style
    )


def _unbroken(curve: Sequence[Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in curve:
        if not math.isnan(point.mean):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
