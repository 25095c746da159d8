"""Every shipped task with `fit`: what a run leaves, and that kill -9 changes nothing."""

import csv
import time

import pytest
import torch
from fork_server import start
from game_runs import EVERY, train
from games import build
from tiny import assert_equal

from ganblocks import RunFolder

LIMIT = 120
HEADINGS = {
    "unpaired": ["a", "a → b", "a → b → a", "b", "b → a", "b → a → b"],
    "unconditional": ["real", "sample 1", "sample 2", "sample 3", "sample 4"],
    "reconstruction": ["image", "fake"],
    "super_resolution": ["source", "target", "fake"],
}


def rows(run):
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["images_per_s"]]


@pytest.mark.parametrize("kind", HEADINGS)
def test_a_run_leaves_everything_behind(tmp_path, kind):
    run = RunFolder(tmp_path / "run")
    updater = train(kind, run.path, steps=6)
    networks = set(updater.networks)
    assert {path.stem for path in run.path.glob("*.safetensors")} == networks
    for name in networks:
        copy = build(kind, seed=1).network(name)
        run.load_weights(name, copy)
        assert_equal(copy.state_dict(), updater.inference_network(name).state_dict())
    log = rows(run.path)
    assert [row["step"] for row in log] == ["1", "2", "3", "4", "5", "6"]
    assert {"loss_d", "loss_g", "grad_norm_g", "skipped_d", "lr_g"} < set(log[0])
    assert run.spec["grid"] == HEADINGS[kind]
    grids = sorted(path.name for path in run.samples.iterdir())
    assert grids == ["step_000005.png", "step_000006.png"]
    assert all(heading in (run.path / "index.html").read_text() for heading in HEADINGS[kind])
    assert (run.path / "health.jsonl").is_file()
    assert set(run.spec["networks"]) == networks


@pytest.mark.slow
@pytest.mark.parametrize("kind", HEADINGS)
def test_killed_and_resumed_is_undisturbed_to_the_bit(tmp_path, kind):
    run, whole = RunFolder(tmp_path / "killed"), RunFolder(tmp_path / "whole")
    process = start(train, kind, run.path, 100_000)
    deadline = time.monotonic() + LIMIT
    # Past a checkpoint, and past a step after it, which will come again.
    while not (run.has_state and int(rows(run.path)[-1]["step"]) % EVERY):
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -9
    steps = run.load_state()["step"] + EVERY + 1
    torch.manual_seed(99)
    train(kind, run.path, steps, seed=1)
    torch.manual_seed(0)
    updater = train(kind, whole.path, steps)
    assert_equal(run.load_state(), whole.load_state())
    assert whole.load_state()["samples_seen"] not in (0, 7)  # in the middle of an epoch
    for name in updater.networks:
        file = f"{name}.safetensors"
        assert (run.path / file).read_bytes() == (whole.path / file).read_bytes()
    assert [row["step"] for row in rows(run.path)] == [str(n + 1) for n in range(steps)]
