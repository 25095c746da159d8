"""Mutated checkpoints are refused before anything is changed, and never crash the process."""

import copy
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from mutators import mutated_bytes, tried
from tiny import assert_equal, batch, tiny_updater
from trained import train

from ganblocks.errors import RunError

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("count", [1000])
def test_a_mutated_state_changes_nothing_or_trains_on(count):
    """In a process of its own, which a corrupted heap would end."""
    paths = [str(path) for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", HERE / "state_fuzz.py", str(count), "0"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(HERE.parent / "training")])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    refused = int(done.stdout.split()[0])
    assert refused > count / 2


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_bytes_of_a_checkpoint_are_told(tmp_path, count):
    run, _ = train(tmp_path / "run", steps=1)
    path = run.path / "state.pt"
    good, content = run.load_state(), path.read_bytes()

    def attempt(rng):
        path.write_bytes(mutated_bytes(content, rng))
        assert_equal(run.load_state(), good)  # the byte was between the records

    assert tried(range(count), attempt)["refused"] > count / 2


def test_a_flipped_bit_of_a_weight_is_told(tmp_path):
    run, _ = train(tmp_path / "run", steps=1)
    path = run.path / "state.pt"
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    data = bytearray(path.read_bytes())
    data[largest.header_offset + 30 + len(largest.filename) + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=f"the checksum of {largest.filename} is wrong"):
        run.load_state()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: o["state"][0].update(exp_avg=torch.ones(1)), "exp_avg of state 0"),
        (lambda o: o["state"][3].pop("exp_avg_sq"), "exp_avg_sq of state 3"),
        (lambda o: o["state"][0].update(step=torch.tensor(-1.0)), "step of state 0"),
        (lambda o: o["param_groups"][0].update(lr=float("nan")), "a learning rate"),
        (lambda o: o["param_groups"][0]["params"].reverse(), "params in the checkpoint"),
    ],
)
def test_moments_that_do_not_fit_are_named(change, message):
    updater, other = tiny_updater(), tiny_updater(seed=1)
    updater.step(batch())
    saved = copy.deepcopy(updater.state_dict())
    change(saved["optimizers"]["generator"])
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(RunError, match=message):
        other.load_state_dict(saved)
    assert_equal(other.state_dict(), before)


@pytest.mark.parametrize("key", ["epoch", "samples_seen", "best", "best_step"])
def test_a_position_that_is_no_number_is_refused(tmp_path, key):
    run, _ = train(tmp_path / "run", steps=1)
    for value in (random.Random(0).choice([None, True]) if key != "best" else "x", "x", [[]]):
        run.save_state({**run.load_state(), key: value})
        with pytest.raises(RunError, match=f"{key} in .*run"):
            train(run.path, steps=2)
