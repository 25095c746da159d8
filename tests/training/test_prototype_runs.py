"""Unpaired and noise → image with `fit`: what a run leaves, and that kill -9 changes nothing."""

import csv
import time

import pytest
import torch
from distributed_ranks import _CONTEXT
from prototype_runs import BUILDERS, EVERY, train
from tiny import assert_equal

from ganblocks import RunFolder

LIMIT = 120
HEADINGS = {"unpaired": ["a", "b", "fake_b", "fake_a"], "unconditional": ["image", "fake"]}
NETWORKS = {"unpaired": {"g_ab", "g_ba", "d_a", "d_b"}, "unconditional": {"g", "d"}}


def rows(run):
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["images_per_s"]]


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_run_leaves_everything_behind(tmp_path, kind):
    run = RunFolder(tmp_path / "run")
    updater = train(kind, run.path, steps=6)
    assert {path.stem for path in run.path.glob("*.safetensors")} == NETWORKS[kind]
    for name in NETWORKS[kind]:
        copy = BUILDERS[kind](seed=1).network(name)
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
    assert set(run.spec["networks"]) == NETWORKS[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUILDERS)
def test_killed_and_resumed_is_undisturbed_to_the_bit(tmp_path, kind):
    run, whole = RunFolder(tmp_path / "killed"), RunFolder(tmp_path / "whole")
    process = _CONTEXT.Process(target=train, args=(kind, run.path, 100_000))
    process.start()
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
    train(kind, whole.path, steps)
    assert_equal(run.load_state(), whole.load_state())
    assert whole.load_state()["samples_seen"] not in (0, 7)  # in the middle of an epoch
    for name in NETWORKS[kind]:
        file = f"{name}.safetensors"
        assert (run.path / file).read_bytes() == (whole.path / file).read_bytes()
    assert [row["step"] for row in rows(run.path)] == [str(n + 1) for n in range(steps)]
