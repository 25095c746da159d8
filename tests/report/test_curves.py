"""The curves are read back from the SVG: tick labels and path coordinates must tell the data."""

import math
import random
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ganblocks.errors import OptionError
from ganblocks.report.axes import number_text, round_ticks, thin, value_axis
from ganblocks.report.curves import LEFT, RIGHT, TOP, line_chart

NAN = math.nan


def drawn(*args, **kwargs):
    return ElementTree.fromstring(line_chart(*args, **kwargs))


def paths(svg, kind):
    """The runs of each path of that kind, as lists of pixel pairs."""
    return [
        [
            [tuple(map(float, pair.split())) for pair in re.sub("[Zh].*", "", run).split("L")]
            for run in path.get("d").split("M")[1:]
        ]
        for path in svg.iter("path")
        if path.get("class") == kind
    ]


def ticks(svg, axis):
    """Value and pixel of each tick of an axis, from the text of the labels."""
    anchor, place, other = ("end", "y", 4) if axis == "y" else ("middle", "x", 0)
    units = {"k": 1e3, "M": 1e6}
    found = []
    for text in svg.iter("text"):
        if text.get("text-anchor") == anchor and text.text != "step":
            unit = units.get(text.text[-1], 1)
            found.append((float(text.text.rstrip("kM")) * unit, float(text.get(place)) - other))
    return found


def read(pixel, marks, log=False):
    """What a ruler laid on the first and the last tick reads at a pixel."""
    (low, start), (high, end) = marks[0], marks[-1]
    if log:
        low, high = math.log10(low), math.log10(high)
    value = low + (pixel - start) / (end - start) * (high - low)
    return 10**value if log else value


def test_points_stand_where_the_ticks_say():
    steps, values = [100, 250, 700, 1000], [-1.5, 0.25, 3.0, 2.0]
    svg = drawn("Logits", steps, {"D(real)": values}, scale="linear")
    [[run]] = paths(svg, "curve")
    assert [read(x, ticks(svg, "x")) for x, _ in run] == pytest.approx(steps, abs=2)
    assert [read(y, ticks(svg, "y")) for _, y in run] == pytest.approx(values, abs=0.03)


def test_wide_values_stand_on_a_log_axis():
    values = [5.0, 0.5, 0.02, 0.003]
    svg = drawn("Loss", [1, 2, 3, 4], {"D": values})
    [[run]] = paths(svg, "curve")
    assert [value for value, _ in ticks(svg, "y")] == [0.001, 0.01, 0.1, 1, 10]
    assert [read(y, ticks(svg, "y"), log=True) for _, y in run] == pytest.approx(values, rel=0.03)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([5.0, 4.0], "auto"),
        ([-5.0, -4.0], "auto"),
        ([5.0, 0.003], "linear"),
        ([5.0, 0.06], "auto"),
        ([5.0, 0.0], "auto"),
        ([5.0, -0.01], "auto"),
    ],
)
def test_axis_is_linear_and_shows_zero_otherwise(values, scale):
    axis = value_axis([thin([1, 2], values)], scale)
    assert not axis.log
    assert 0 in axis.ticks


def test_curves_share_one_axis():
    svg = drawn("Logits", [1, 2], {"real": [1.0, 2.0], "fake": [-1.0, -2.0]})
    first, second = ([read(y, ticks(svg, "y")) for _, y in run] for [run] in paths(svg, "curve"))
    assert first == pytest.approx([1, 2], abs=0.03)
    assert second == pytest.approx([-1, -2], abs=0.03)


def test_nan_and_infinity_leave_a_gap():
    values = [1.0, 2.0, NAN, math.inf, 3.0, 4.0, -math.inf, 5.0]
    text = line_chart("Loss", range(8), {"D": values})
    [runs] = paths(ElementTree.fromstring(text), "curve")
    assert [len(run) for run in runs] == [2, 2, 1]
    assert "nan" not in text
    assert "inf" not in text.lower()


def test_a_line_passes_over_steps_without_a_value():
    values = [1.0, None, None, 3.0, None, NAN, None, 5.0]
    svg = drawn("Loss", range(8), {"D": values, "G": [None] * 8})
    (left, right), other = paths(svg, "curve")
    assert other == []
    assert [read(x, ticks(svg, "x")) for x, _ in left] == pytest.approx([0, 3], abs=0.02)
    assert [read(y, ticks(svg, "y")) for _, y in left] == pytest.approx([1, 3], abs=0.03)
    assert len(right) == 1  # beyond what is not finite


@pytest.mark.parametrize(
    "names", [["D"], ["D", "G"], ["discriminator_a", "discriminator_b", "generator"], "abcdefghij"]
)
def test_the_legend_has_room_for_every_name(names):
    svg = drawn("Loss", [1, 2], {name: [0.123, 0.1234] for name in names})
    texts = [group.find("text") for group in svg.iter("g")]
    boxes = sorted(
        (float(t.get("y")), float(t.get("x")) - 24, float(t.get("x")) + 8 * len(t.text))
        for t in texts
    )
    assert len(boxes) == len(names)
    top = float(svg.get("viewBox").split()[1])
    for y, start, end in boxes:
        assert LEFT <= start < end <= RIGHT
        assert top + 13 <= y < TOP
    for (y, _, end), (next_y, start, _) in pairwise(boxes):
        assert start >= end if y == next_y else next_y - y >= 16
    if len(names) > 4:
        assert "--series-4" not in ElementTree.tostring(svg, encoding="unicode")


def test_one_row_is_a_dot():
    svg = drawn("Loss", [1], {"D": [0.7]})
    [curve] = [path for path in svg.iter("path") if path.get("class") == "curve"]
    assert curve.get("d").endswith("h0")
    assert "stroke-linecap:round" in curve.get("style")


@pytest.mark.parametrize("values", [[], [NAN, NAN]])
def test_nothing_to_draw_is_said(values):
    svg = drawn("Loss", range(len(values)), {"D": values})
    assert "no values yet" in [text.text for text in svg.iter("text")]


@pytest.mark.parametrize("rows", [1, 199, 200, 201, 1234, 80_000])
def test_thinning_counts_every_row_once(rows):
    rng = random.Random(rows)
    values = [rng.gauss(0, 1) for _ in range(rows)]
    thinned = thin(range(rows), values, points=200)
    assert len(thinned) == min(rows, 200)
    assert min(p.low for p in thinned) == min(values)
    assert max(p.high for p in thinned) == max(values)
    assert all(p.low <= p.mean <= p.high for p in thinned)
    assert all(a.step < b.step for a, b in pairwise(thinned))


def test_thinning_takes_means_of_neighbors():
    values = [float(i % 4) for i in range(40)]
    assert [p.mean for p in thin(range(40), values, points=10)] == [1.5] * 10
    assert [p.step for p in thin(range(40), values, points=10)] == [4 * i + 1.5 for i in range(10)]


def test_thinning_leaves_a_lone_nan_out_of_the_mean():
    [first, second] = thin([1, 2, 3, 4], [NAN, 3.0, NAN, NAN], points=2)
    assert first.mean == 3.0
    assert math.isnan(second.mean)


def test_a_long_curve_has_a_band_around_it():
    rng = random.Random(0)
    svg = drawn("L1", range(5000), {"L1": [10 + rng.gauss(0, 1) for _ in range(5000)]})
    [[line]], [[band]] = paths(svg, "curve"), paths(svg, "band")
    upper, lower = band[: len(line)], band[len(line) :][::-1]
    assert len(line) == 200
    for (x, y), (x_up, y_up), (x_low, y_low) in zip(line, upper, lower, strict=True):
        assert x == x_up == x_low
        assert y_up <= y <= y_low
    assert paths(drawn("L1", [1, 2], {"L1": [1.0, 2.0]}), "band") == []


def test_a_wild_row_does_not_flatten_the_rest():
    values = [1.0 + i % 3 for i in range(20_000)]
    values[7_000] = 1000.0
    assert value_axis([thin(range(20_000), values)]).high < 50
    [[band]] = paths(drawn("L1", range(20_000), {"L1": values}), "band")
    assert min(y for _, y in band) >= TOP


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 0), (-3.2, 4.7), (0, 2e-4), (0, 80_000), (-1e-7, 0), (0, 3e38), (0, 0.30000001)],
)
def test_ticks_are_round_even_and_enclose(low, high):
    found = round_ticks(low, high)
    gaps = [b - a for a, b in pairwise(found)]
    assert found[0] <= low
    assert found[-1] >= high * (1 - 1e-12)
    assert 1 <= len(gaps) <= 7
    assert gaps == pytest.approx([gaps[0]] * len(gaps))
    mantissa = gaps[0] / 10 ** math.floor(math.log10(gaps[0]) + 1e-9)
    assert any(mantissa == pytest.approx(unit) for unit in (1, 2, 5, 10))
    assert len({number_text(tick) for tick in found}) == len(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((9999.99, "10k"), (-9999.99, "-10k"), (999_960, "1M"), (999.96e6, "1e9")),
        *((9999.4, "9999"), (0.00099999, "0.001"), (0.00099, "9.9e-4"), (12345, "12.35k")),
    ],
)
def test_a_number_has_the_unit_of_what_it_is_rounded_to(value, text):
    assert number_text(value) == text


def test_step_ticks_are_whole():
    for last in (1, 2, 3, 7):
        svg = drawn("Loss", range(1, last + 1), {"D": [1.0] * last})
        assert all(value == int(value) for value, _ in ticks(svg, "x"))


def test_names_are_escaped_and_read_aloud():
    svg = drawn('<b>"Loss"', [1, 2], {"<i>&": [1.0, 0.25]})
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == '<b>"Loss". Last values: <i>& 0.25'
    assert "<i>& 0.25" in [text.text for text in svg.iter("text")]
    assert not list(svg.iter("i"))


def test_misuse_is_explained():
    with pytest.raises(OptionError, match="'D' has 1 values for 2 steps"):
        line_chart("Loss", [1, 2], {"D": [1.0]})
    with pytest.raises(OptionError, match="'linear'"):
        line_chart("Loss", [1], {"D": [1.0]}, scale="lin")
    with pytest.raises(OptionError, match="points"):
        line_chart("Loss", [1], {"D": [1.0]}, points=0)
