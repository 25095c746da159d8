"""Each recipe of the comparison on real facades can be built and trained."""

import sys
from pathlib import Path

import pytest
import torch

import ganblocks as gb

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from facades import read, save, write
from facades_cells import CELLS, build_task, recipe

TINY = {"base": 4, "downs": 3}


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_cells_train(cell):
    settings = recipe(cell)
    settings["generator"] = {
        name: 3 if name == "num_downs" else 4 for name in settings["generator"]
    }
    if "base_channels" in settings["discriminator"]:
        settings["discriminator"] = {**settings["discriminator"], "base_channels": 4}
    channels = 12 if settings["labels"] == "classes" else 3
    updater = gb.Updater(build_task(settings, TINY, channels), ema=settings["ema"])
    sides = torch.rand(settings["batch_size"], channels + 3, 64, 64).split((channels, 3), 1)
    figures = updater.step(dict(zip(("source", "target"), sides, strict=True)))
    assert all(torch.isfinite(value).all() for value in figures.values())
    assert {f"loss_g_{term}" for term in settings["terms"] if term != "r1_r2"} <= set(figures)


def test_rows_are_kept_with_those_before(tmp_path, capsys):
    file = tmp_path / "facades.json"
    rows = [{"size": "small", "cell": c, "seed": 0, "score": "rest", "kid": 0.1} for c in "ba"]
    for row in rows:
        write(file, row)
    assert read(file)["rows"] == rows[::-1]
    save(file, {**read(file), "costs": {"small: a": 1.1}})
    assert read(file)["costs"] == {"small: a": 1.1}
    assert read(file)["rows"] == rows[::-1]
