"""The health of a run in its report."""

import json

import pytest
from run_pages import make_run, page_of, row, with_columns

from ganblocks.errors import RunError
from ganblocks.report import write_report

FINDING = {"step": 1200, "name": "blind-discriminator", "message": "D(real) is D(fake) <b>&"}


def with_findings(run, *findings, end=""):
    lines = "".join(f"{json.dumps(f, ensure_ascii=False)}\n" for f in findings)
    (run / "health.jsonl").write_text(lines + end, encoding="utf-8")
    return run


def test_findings_are_listed_before_samples_and_charts(tmp_path):
    other = {"step": 1300, "name": "nan", "message": "one\u2028line …", "more": 1}
    run = with_findings(make_run(tmp_path / "run", [row(1)]), FINDING, other)
    page = page_of(run)
    assert len(page.all("b")) == 2  # the steps
    places = [
        page.text.index(words)
        for words in (
            *("Health", "step 1,200", "blind-discriminator", "D(real) is D(fake) <b>&"),
            *("step 1,300", "nan", "one\u2028line …", "Samples", "Curves"),
        )
    ]
    assert places == sorted(places)
    assert len(page.all("li")) == 2
    assert "No problem" not in page.text


def test_many_findings_are_folded_after_the_first(tmp_path):
    findings = [FINDING | {"step": step} for step in range(1, 13)]
    run = with_findings(make_run(tmp_path / "run", [row(1)]), *findings)
    page = page_of(run)
    assert len(page.all("li")) == 12
    assert page.text.index("step 5\n") < page.text.index("7 more") < page.text.index("step 6\n")


def test_health_is_said_only_by_a_run_that_looked(tmp_path):
    run = make_run(tmp_path / "run", [row(1)])
    assert "Health" not in page_of(run).text
    assert "No problem" not in page_of(run).text
    page = page_of(with_findings(run))
    assert page.text.count("No problem was detected.") == 1
    assert not page.all("li")


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 3, "name',
        "[]",
        "7",
        '{"step": 3, "name": "nan"}',
        '{"step": null, "name": "a", "message": "b"}',
        '{"step": Infinity, "name": "a", "message": "b"}',
        "",
        "\n",
    ],
)
def test_a_broken_finding_is_named_with_its_line(tmp_path, line):
    run = with_findings(make_run(tmp_path / "run"), FINDING, end=f"{line}\n")
    with pytest.raises(RunError, match=r"health\.jsonl line 2 is not a finding"):
        write_report(run)


def test_values_that_are_not_finite_raise_an_alarm(tmp_path):
    rows = [row(1), row(2, l1="nan"), row(3, l1="inf"), row(4, d_real="nan")]
    page = page_of(make_run(tmp_path / "run", rows))
    assert any(attrs.get("role") == "alert" for attrs in page.all("div"))
    assert "loss_g_l1: 2 of 4 rows, first at step 2" in page.text
    assert "d_real: 1 of 4 rows, first at step 4" in page.text
    assert "alert" not in str(page_of(make_run(tmp_path / "well", [row(1)])).tags)


def test_empty_cells_raise_no_alarm(tmp_path):
    """A term that is not due, or a score, is in some rows alone."""
    rows = [row(1, l1=""), row(2, d_real=""), row(3), row(4, l1="inf")]
    run = with_columns(make_run(tmp_path / "run", rows), val_l1=["", "", "0.5", ""])
    page = page_of(run)
    assert len(page.all("li")) == 1
    assert "loss_g_l1: 1 of 3 rows, first at step 4" in page.text


def test_skipped_steps_raise_an_alarm_for_their_player(tmp_path):
    run = make_run(tmp_path / "run", [row(step) for step in (10, 20, 30)])
    page = page_of(with_columns(run, skipped_g=["0", "0.5", "1"], skipped_d=["0", "0", "0"]))
    assert len(page.all("li")) == 1
    words = (
        "skipped_g: 2 of 3 rows have steps that did not update this player, the first by step 20"
    )
    assert words in page.text


def test_a_strange_column_is_escaped_in_the_alarm(tmp_path):
    run = with_columns(make_run(tmp_path / "run", [row(1)]), **{"loss_g_<b>": ["nan"]})
    page = page_of(run)
    assert not page.all("b")
    assert "loss_g_<b>: 1 of 1 rows" in page.text
