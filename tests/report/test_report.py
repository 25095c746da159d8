"""The report is parsed as a browser would: what it loads, what it shows, what it escapes."""

import csv
import json
import random
import re
import time
from importlib import resources

import pytest
from run_pages import HEADER, facts, make_run, page_of, row, with_columns

import ganblocks
from ganblocks.errors import RunError
from ganblocks.report.page import write_report


def test_nothing_is_loaded_from_outside_the_folder(tmp_path):
    run = make_run(tmp_path / "run", [row(1), row(2)], samples=[1, 2])
    page = page_of(run)
    links = [attrs[key] for _, attrs in page.tags for key in ("src", "href") if key in attrs]
    links = [link for link in links if link != "data:,"]
    assert len(links) == 6  # the large picture and its link, two thumbnails and their links
    for link in links:
        assert (run / link).resolve().is_relative_to(run)
        assert (run / link).is_file()
    text = (run / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp|srcset", text)


@pytest.mark.parametrize("rows", [[], [row(1)]])
def test_a_young_run_has_a_page(tmp_path, rows):
    page = page_of(make_run(tmp_path / "run", rows))
    assert ("No step has been logged yet." in page.text) == (not rows)
    assert "There are no samples yet." in page.text
    assert len(page.all("svg")) == 7


def test_a_run_without_header_or_samples_folder_has_a_page(tmp_path):
    (tmp_path / "spec.json").write_text("{}")
    (tmp_path / "metrics.csv").write_text("")
    assert "No step has been logged yet." in page_of(tmp_path).text


def test_everything_from_the_run_is_escaped(tmp_path):
    evil = "</pre></td><script>alert('$name')</script><img src=x onerror=alert(1)>"
    spec = {
        "task": {"type": evil},
        "networks": {evil: {"type": evil, evil: [evil]}},
        "data": {"train": {"type": evil, "direction": evil}},
        "options": {evil: evil, "batch_size": evil},
        "processes": evil,
        "grid": [evil, 3],
        "scores": {evil: evil},
        "baselines": {evil: evil},
        evil: {"versions": evil},
        "surrogate": "\ud800",
    }
    run = make_run(tmp_path / "a&b<i>'\"c", [row(1)], samples=[1], spec=spec)
    page = page_of(run)
    assert len(page.all("script")) == 1
    assert not page.all("i")
    assert all("onerror" not in attrs for _, attrs in page.tags)
    assert evil in page.text
    assert "a&b<i>'\"c" in page.text


def test_the_code_on_the_page_runs(tmp_path):
    run = make_run(tmp_path / 'it\'s "mine"')
    code = page_of(run).text.split("import ganblocks\n")[1].split("What was trained")[0]
    assert set(re.findall(r"ganblocks\.(\w+)", code)) <= set(ganblocks.__all__)
    calls = []
    exec(code, {"ganblocks": RecordingGanblocks(calls)})
    assert calls == [
        ("load", str(run)),
        ("translate", "my_picture.png"),
        ("save", "translated.png"),
    ]


class RecordingGanblocks:
    """Stands in for the package and notes what the code on the page asks of it."""

    def __init__(self, calls):
        self.calls = calls

    def load(self, run):
        self.calls.append(("load", run))
        return self

    def translate(self, generator, picture):
        assert generator is self
        self.calls.append(("translate", picture))
        return self

    def save(self, path):
        self.calls.append(("save", path))


def test_facts_are_means_of_the_last_rows(tmp_path):
    early = [row(step, d_real=9.0, l1=9.0) for step in range(1, 11)]
    late = [row(step, d_real=2.0 + step % 2, d_fake=0.5, l1=0.125) for step in range(11, 36)]
    page = page_of(make_run(tmp_path / "run", early + late))
    found = facts(page)
    assert found["step"] == "35"
    assert found["L1, training"] == "0.125"
    assert float(found["D(real) - D(fake)"]) == pytest.approx((13 * 3 + 12 * 2) / 25 - 0.5)
    assert "means over the last 25 rows" in page.text


def test_training_time_adds_up_the_speeds(tmp_path):
    rows = [
        row(10, speed=4.0),
        row(20, speed=20 / 3),
        row(30, speed=""),
        row(40, speed=0.01),
    ]  # 5 + 3 + ? + 2000 s
    run = make_run(tmp_path / "run", rows, spec={"options": {"batch_size": 2}})
    assert facts(page_of(run))["training time"] == "0:33:28"
    (run / "spec.json").write_text('{"options": {"batch_size": 1}, "processes": 2}')
    assert facts(page_of(run))["training time"] == "0:33:28"
    (run / "spec.json").write_text("{}")
    assert "training time" not in facts(page_of(run))


def test_curves_show_the_columns_they_name(tmp_path):
    run = make_run(tmp_path / "run", [row(1), row(2, d_real=0.75, d_fake=-0.5, l1=0.25)])
    labels = [svg["aria-label"] for svg in page_of(run).all("svg")]
    assert labels == [
        "Mean logits. Last values: D(real) 0.75, D(fake) -0.5",
        "Gap. Last values: D(real) - D(fake) 1.25",
        "Total losses. Last values: D 0.5",
        "Adversarial losses. Last values: G 0.9",
        "L1. Last values: G 0.25",
        "Learning rates. Last values: G 2e-4",
        "Speed. Last values: images/s 20",
    ]


def test_columns_that_only_some_logs_have_are_charts_there(tmp_path):
    run = make_run(tmp_path / "run", [row(1), row(2)])
    before = [svg["aria-label"] for svg in page_of(run).all("svg")]
    some = {"d_accuracy": ["0.5", "0.75"], "grad_norm_g": ["9", "3"], "grad_norm_d": ["", "2"]}
    with_columns(run, **some, grad_image=["5", "4"], grad_image_d=["2", "1"])
    page = page_of(run)
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert [label for label in labels if label not in before] == [
        "Accuracy. Last values: accuracy of D 0.75",
        "Gradient norms. Last values: G 3, D 2",
        "Gradient at the output. Last values: all losses 4, from D 1",
    ]
    assert [label for label in labels if label in before] == before
    assert "alert" not in str(page.tags)


def test_one_gradient_norm_is_a_chart_too_with_a_log_axis_where_it_spans_much(tmp_path):
    run = make_run(tmp_path / "run", [row(1), row(2)])
    page = page_of(with_columns(run, grad_norm_g=["0.01", "100"]))
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert "Gradient norms. Last values: G 100" in labels
    chart = page.text[page.text.index("Gradient norms") :]
    assert chart.split("\n")[1:6] == ["0.01", "0.1", "1", "10", "100"]


def test_columns_of_someone_else_are_let_be(tmp_path):
    run = make_run(tmp_path / "run", [row(1), row(2)])
    count = len(page_of(run).all("svg"))
    with_columns(run, note=["warm", "<b>cold</b>"], score=["", "3"])
    page = page_of(run)
    assert len(page.all("svg")) == count
    assert "cold" not in page.text


def test_a_term_with_a_strange_name_is_escaped(tmp_path):
    run = with_columns(make_run(tmp_path / "run", [row(1)]), **{"loss_g_<i>&": ["0.5"]})
    page = page_of(run)
    assert not page.all("i")
    assert "<i>&. Last values: G 0.5" in [svg["aria-label"] for svg in page.all("svg")]


def test_samples_are_shown_newest_first(tmp_path):
    run = make_run(tmp_path / "run", [row(1)], samples=[50, 1_000_000, 100])
    (run / "samples" / "notes.png").write_bytes(b"")
    (run / "samples" / "step_000007.png").write_bytes(b"cut")
    page = page_of(run)
    strip = [int(attrs["data-step"]) for attrs in page.all("a") if "data-step" in attrs]
    assert strip == [1_000_000, 100, 50, 7]
    large = page.all("img")[0]
    assert large["src"] == "samples/step_1000000.png"
    assert (large["width"], large["height"]) == ("192", "256")
    [slider] = page.all("input")
    assert (slider["max"], slider["value"]) == ("3", "3")


def test_one_sample_needs_no_slider(tmp_path):
    assert page_of(make_run(tmp_path / "run", samples=[5])).all("input") == []


def test_components_are_json_and_flat_settings_a_table(tmp_path):
    generator = {"type": "unet", "norm": {"type": "batch"}}
    discriminator = {"type": "patch", "n_layers": 3}
    spec = {
        "task": {"type": "paired_translation", "seed": 0},
        "networks": {"generator": generator, "discriminator": discriminator},
        "data": {"train": {"type": "paired", "direction": "b2a"}, "val": {"type": "paired"}},
        "options": {"precision": "bf16", "steps": None},
        "versions": {"torch": "2.14"},
        "grid": ["source"],
        "note": "mine",
    }
    page = page_of(make_run(tmp_path / "run", spec=spec))
    for component in (generator, discriminator):
        assert json.dumps(component, indent=2) in page.text
    found = facts(page)
    assert (found["precision"], found["steps"], found["note"]) == ("bf16", "null", "mine")
    words = "generator unet · discriminator patch · data paired · direction b2a"
    assert f"paired_translation · {words}" in page.text
    assert [line for line in page.text.split("\n") if line in {*spec, *spec["networks"]}] == [
        *("note", "task", "generator", "discriminator", "data", "options", "versions"),
    ]
    assert len(page.all("details")) == 7


def test_pictures_have_words_and_ids_are_single(tmp_path):
    page = page_of(make_run(tmp_path / "run", [row(1)], samples=[1, 2]))
    pictures = [attrs for attrs in page.all("img") if "src" in attrs]
    assert len(pictures) == 3
    assert all(attrs["alt"] for attrs in pictures)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        assert attrs.get("aria-labelledby", ids[0]) in ids


def test_colors_have_contrast_in_light_and_dark():
    css = resources.files("ganblocks.report").joinpath("report.html").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    for colors in (light, {**light, **dark}):
        for back in ("page", "card"):
            for name, least in [("text", 7), ("muted", 4.5), ("link", 4.5)]:
                assert contrast(colors[name], colors[back]) >= least, (name, back)
            for name in ("series-0", "series-1", "series-2", "series-3"):
                assert contrast(colors[name], colors[back]) >= 3, (name, back)
            assert contrast(colors["warn"], colors[back]) >= 4.5, back
        assert contrast(colors["warn"], colors["warn-page"]) >= 4.5


def contrast(one, other):
    """The contrast ratio of WCAG 2.2."""

    def light(color):
        digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (f"{HEADER}\n{row(1)}\n2,0,1.0\n", r"metrics.csv line 3 has 3 cells, but the header has 9"),
        (f"{HEADER}\n{row(1)}\n\n{row(2)}\n", r"metrics.csv line 3 has 1 cells"),
        (f"{HEADER}\n{row(1)}\n{row(2, l1='x')}\n", r"line 3: loss_g_l1 is 'x', not a number"),
        (f"{HEADER}\n{row(1, l1='')}\n{row(2, l1='x')}\n", r"line 3: loss_g_l1 is 'x'"),
        (f"{HEADER}\n,{row(1).split(',', 1)[1]}\n", r"line 2 has no step"),
        ("epoch,d_real\n1,0\n", r"line 1 has no step column"),
        (None, r"cannot read .*metrics.csv \(No such file"),
    ],
)
def test_broken_metrics_are_named_with_their_line(tmp_path, metrics, words):
    run = make_run(tmp_path / "run")
    (run / "metrics.csv").unlink()
    if metrics is not None:
        (run / "metrics.csv").write_text(metrics)
    with pytest.raises(RunError, match=words):
        write_report(run)
    assert not (run / "index.html").exists()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (b'{"task": {', "is not JSON .*line 1"),
        (b"\xff\xfe\xfa", "is not JSON"),
        (b"[1]", "contains a list"),
        (None, "cannot read .*spec.json"),
    ],
)
def test_a_broken_spec_is_named(tmp_path, spec, words):
    run = make_run(tmp_path / "run")
    (run / "spec.json").unlink()
    if spec is not None:
        (run / "spec.json").write_bytes(spec)
    with pytest.raises(RunError, match=words):
        write_report(run)


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    run = make_run(tmp_path / "run")
    (run / "index.html").mkdir()
    with pytest.raises(RunError, match=r"cannot write .*index\.html"):
        write_report(run)


def test_a_second_page_replaces_the_first(tmp_path):
    run = make_run(tmp_path / "run", [row(1)])
    write_report(run)
    with (run / "metrics.csv").open("a") as file:
        file.write(row(2) + "\n")
    assert facts(page_of(run))["step"] == "2"
    names = {path.name for path in run.iterdir()}
    assert names == {"spec.json", "metrics.csv", "samples", "index.html"}


def test_a_long_run_is_reported_quickly(tmp_path):
    """In less time than the csv module takes to read its log twice."""
    rng = random.Random(0)
    rows = [row(step, d_real=rng.gauss(1, 1), l1=rng.random()) for step in range(1, 40_001)]
    run = make_run(tmp_path / "run", rows)
    ratios = []
    while min(ratios, default=2) >= 2 and len(ratios) < 12:  # until the machine is quiet
        start = time.process_time()
        with (run / "metrics.csv").open(newline="") as file:
            numbers = [[float(cell or 0) for cell in cells] for cells in list(csv.reader(file))[1:]]
        read = time.process_time()
        path = write_report(run)
        ratios.append((time.process_time() - read) / (read - start))
    assert len(numbers) == 40_000
    assert min(ratios) < 2, ratios
    assert path.stat().st_size < 300_000
