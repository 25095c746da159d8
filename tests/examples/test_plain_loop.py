"""The loop of one's own, and that both examples stay short enough to be read."""

import runpy
from pathlib import Path

import pytest
import torch
from PIL import Image
from recipe_process import ROOT

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(("name", "most"), [("pix2pix_facades.py", 160), ("plain_loop.py", 60)])
def test_an_example_is_short(name, most):
    assert len((EXAMPLES / name).read_text("utf-8").splitlines()) <= most


def test_a_loop_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main = runpy.run_path(str(EXAMPLES / "plain_loop.py"))["main"]
    updater = main(steps=3)
    first, last = capsys.readouterr().out.splitlines()
    assert (first.split()[0], last.split()[0]) == ("0", "2")
    with Image.open("plain_loop.png") as picture:
        assert picture.size == (128, 128)
    assert updater.steps == 3
    saved = torch.load(Path("plain_loop.pt"))
    updater.step({key: torch.zeros(1, 3, 128, 128) for key in ("source", "target")})
    updater.load_state_dict(saved)
    assert updater.steps == 3
