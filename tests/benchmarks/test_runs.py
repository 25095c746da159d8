"""The scripts that judge a run read what the recipe writes."""

import runpy
import sys
from pathlib import Path

import pytest

from ganblocks import RunFolder
from ganblocks.errors import OptionError

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import held_out
import logit_gap
from health import RECIPE

pytestmark = pytest.mark.slow


MAIN = runpy.run_path(str(RECIPE), run_name="recipe")["main"]
TINY = (
    *("--load-size", "40", "--crop-size", "32", "--base-channels", "4", "--num-downs", "3"),
    *("--n-layers", "1", "--steps", "3", "--log-every", "1", "--no-progress", "--device", "cpu"),
    *("--seed", "5", "--penalty", "r1", "--penalty-weight", "10", "--penalty-interval", "2"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("runs") / "tiny"
        patch.setattr(sys, "argv", ["pix2pix_facades.py", *TINY, "--out", str(folder)])
        MAIN()
    return folder


def judged(script, monkeypatch, *argv):
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, argv)])
    return script.main()


def test_held_out_pairs_are_those_of_the_run(run, monkeypatch, capsys):
    train, held_out_pairs = held_out.datasets(run)
    own = RunFolder.open(run).spec["data"]
    assert train.fingerprint() == own["train"]
    assert {**held_out_pairs.fingerprint(), "pairs": 40} == own["val"]
    assert train[0]["source"].shape == (3, 32, 32)
    assert judged(held_out, monkeypatch, run) == 1  # three steps teach nothing
    assert "model / mean photo" in capsys.readouterr().out


def test_held_out_refuses_photo_to_labels(run):
    folder = RunFolder.open(run)
    spec = folder.spec
    try:
        folder.write_spec({**spec, "options": {**spec["options"], "direction": "a2b"}})
        with pytest.raises(OptionError, match="direction=a2b"):
            held_out.datasets(run)
    finally:
        folder.write_spec(spec)


def test_gap_and_terms_are_read_from_log_and_spec(run, monkeypatch, capsys):
    found = logit_gap.read(run, last=2)
    last = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    rows = [dict(zip(last[0], line)) for line in last[1:]]
    assert (found.steps, found.broken) == (3, 0)
    gaps = [float(row["d_real"]) - float(row["d_fake"]) for row in rows[1:]]
    assert found.gap == pytest.approx(sum(gaps) / 2)
    assert logit_gap.terms(run) == "1 · `vanilla` + 10 · `r1`"
    assert judged(logit_gap, monkeypatch, run, "--at-least", -9) == 0
    assert judged(logit_gap, monkeypatch, run, "--at-least", 9) == 1
    assert "1 · `vanilla` + 10 · `r1`" in capsys.readouterr().out
