"""The page of results on real facades says what the rows say, and no more."""

import json
import re

import pytest

from _site import facades_results


def row(cell, seed, kid, score="val", **others):
    value = {"value": kid, "error": 0.01, "floor": 0.6, "ceiling": 0.001}
    scores = dict.fromkeys(facades_results.COLUMNS, value)
    common = {"size": "small", "cell": cell, "seed": seed, "score": score}
    return {
        **common,
        "steps": 2400,
        "minutes": 4.0,
        "precision": "bf16",
        "scores": scores,
        **others,
    }


def known(rows):
    return {"machine": "two cores", "cells": ["paper", "best", "up=nearest"], "rows": rows}


def test_spread_is_over_seeds_and_of_one_seed_its_own_error():
    rows = [row("paper", seed, kid) for seed, kid in enumerate((0.3, 0.4, 0.5))]
    assert facades_results.spread(rows, "l1") == pytest.approx((0.4, 0.1))
    assert facades_results.spread(rows[:1], "l1") == (0.3, 0.01)


@pytest.mark.parametrize(("best", "said"), [(0.2, "(better), which is clear"), (0.39, "not clear")])
def test_the_verdict_is_computed(best, said):
    rows = [row("paper", seed, 0.4 + 0.01 * seed) for seed in range(3)]
    rows += [row("best", seed, best + 0.01 * seed) for seed in range(3)]
    verdict = facades_results.verdict(facades_results.by_cell(rows))
    assert said in verdict.partition(";")[0]
    assert "(worse)" in verdict.partition(";")[2]  # label accuracy, which should be high


def test_a_change_is_compared_from_three_seeds_on():
    rows = [row("paper", seed, 0.4 + 0.01 * seed, "rest") for seed in range(3)]
    rows += [row("up=nearest", seed, 0.2 + 0.01 * seed, "rest") for seed in range(2)]
    rows += [row("best", seed, 0.1, "rest") for seed in range(1)]
    page = facades_results.page(known(rows))
    (line,) = (line for line in page.splitlines() if line.startswith("| up=nearest"))
    assert line.endswith("|  |")
    page = facades_results.page(known([*rows, row("up=nearest", 2, 0.22, "rest")]))
    (line,) = (line for line in page.splitlines() if line.startswith("| up=nearest"))
    assert line.endswith("| -14.1 |")  # 0.2 by the root of 2 × 0.01²


def test_cells_without_a_row_are_named():
    page = facades_results.page(known([row("paper", 0, 0.4, "rest")]))
    assert "Not measured yet: best; up=nearest." in page


def test_minutes_and_the_time_of_all():
    rows = [row("paper", 0, 0.4), row("paper", 1, 0.4)]
    for cell, end in (("port", 0.3), ("paper", 0.5), ("best", 0.1)):
        rows += [row(cell, 0, 1 - m / 100 + end, size="full", minutes=m) for m in (20, 40, 60)]
    page = facades_results.page(known(rows))
    assert page.count("<svg") == 1
    assert "3.1 hours" in page  # 8 and 180 minutes
    for name, end in (("the plain script", 0.3), ("preset `paper`", 0.5)):
        said = re.search(rf"divided by that of {name}, is (.+?)\. .*With one seed", page)[1]
        kids = [(1.1 - m / 100, 1 + end - m / 100, m) for m in (20, 40, 60)]
        assert said.split(", ") == [f"{a / b:.2f} after {m} minutes" for a, b, m in kids]
    assert "| plain script | 20 | 1 | 1.100 ± 0.010" in page


def test_the_file_of_the_repository_is_read():
    known = json.loads(facades_results.FILE.read_text("utf-8"))
    assert {row["size"] for row in known["rows"]} <= {"small", "full"}
    assert "results/facades.md" in facades_results.files()


def test_cells_of_another_precision_are_named():
    rows = [row("paper", 0, 0.4), row("best", 0, 0.2), row("best", 1, 0.2, precision="fp32")]
    assert "one core, bf16 (fp32 for `best`)." in " ".join(
        facades_results.page(known(rows)).split()
    )
