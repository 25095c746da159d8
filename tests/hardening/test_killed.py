"""kill -9 again and again: what is left is whole, and the end is that of an undisturbed run."""

import csv
import json
import os
import random
import time

import pytest
import torch
from forked_recipe import fork
from PIL import Image
from recipe_process import start
from safetensors.torch import load_file
from tiny import assert_equal

from ganblocks import SyntheticFacades
from ganblocks.pictures import to_picture

SEED = 0
LIMIT = 120
KILLS = int(os.environ.get("GANBLOCKS_KILLS", "20"))
EVERY = 3
"""Steps between checkpoints in a third of the starts; in the others each step has one."""
EVERYTHING = (
    "--ema 0.99 --augment diff_augment --pool-size 4 --workers 2 --cache never --batch-size 2 "
    "--norm instance --epochs 1000 --log-every 1 --sample-every 7 --device cpu --data pairs"
)
FLAGS = EVERYTHING.split()


@pytest.fixture
def pairs(tmp_path):
    """A folder of drawn pairs; 7 steps of 2 make an epoch and leave one over."""
    for split, count in [("train", 15), ("val", 2)]:
        folder = tmp_path / "pairs" / split
        folder.mkdir(parents=True)
        drawn = SyntheticFacades(count, 36, split=split, direction="a2b")
        for number, sample in enumerate(drawn):
            both = torch.cat((sample["source"], sample["target"]), 2)
            to_picture(((both + 1) * 127.5).round().to(torch.uint8)).save(folder / f"{number}.png")
    return tmp_path


def logged(run):
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file) if row["images_per_s"]]


def require_whole(run):
    """Opens every file of a run's folder that is there."""
    readers = {
        "spec.json": lambda path: json.loads(path.read_text()),
        "state.pt": torch.load,
        "generator.safetensors": load_file,
        "discriminator.safetensors": load_file,
        "health.jsonl": lambda path: [json.loads(line) for line in path.read_text().splitlines()],
        "metrics.csv": lambda path: logged(run),
        "README.md": lambda path: path.read_text().index("## Training"),
        "index.html": lambda path: path.read_text().index("</html>"),
    }
    for path in run.iterdir() if run.exists() else []:
        if path.is_file() and not path.name.startswith("."):  # a write that was killed, the lock
            assert path.name in readers, path
            readers[path.name](path)
    for path in (run / "samples").glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    steps = logged(run)
    assert steps == list(range(1, len(steps) + 1))
    if (run / "state.pt").exists():
        # The log is written first, and may be ahead of the checkpoint.
        assert len(steps) - EVERY <= torch.load(run / "state.pt")["step"] <= len(steps)


def finish(folder, *flags):
    process = fork(folder, *flags)
    process.join(LIMIT)
    assert process.exitcode == 0, (folder / "output").read_text()


def kill_again_and_again(folder, kills):
    """Begins a run and kills it so often, at drawn times; says how many kills hit a training."""
    draws = random.Random(SEED)
    run, hit = folder / "run", 0
    for number in range(kills):
        resume = ["--resume"] if (run / "spec.json").exists() else FLAGS
        began = len(logged(run))
        every = EVERY if number % 3 == 1 else 1
        flags = [*resume, "--out", "run", "--checkpoint-every", every, "--steps", 10000]
        process = fork(folder, *flags)
        # Every fifth is killed while it starts; the others once they train.
        early = number % 5 == 4
        deadline = time.monotonic() + LIMIT
        while not early and len(logged(run)) <= began:
            assert process.is_alive(), (folder / "output").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(draws.uniform(0, 0.4))
        assert process.is_alive(), (folder / "output").read_text()
        process.kill()
        process.join()
        assert process.exitcode == -9
        require_whole(run)
        hit += len(logged(run)) > began
    return hit


@pytest.mark.slow
@pytest.mark.parametrize("kills", [KILLS])
def test_a_run_that_is_killed_ends_as_one_that_is_not(pairs, kills):
    assert kill_again_and_again(pairs, kills) >= 0.7 * kills
    steps = torch.load(pairs / "run" / "state.pt")["step"] + 3
    finish(pairs, "--resume", "--out", "run", "--steps", steps)
    require_whole(pairs / "run")
    finish(pairs, *FLAGS, "--out", "undisturbed", "--steps", steps, "--checkpoint-every", 10000)
    ours, theirs = (pairs / name for name in ("run", "undisturbed"))
    saved, expected = (torch.load(run / "state.pt") for run in (ours, theirs))
    assert expected["step"] == steps
    assert expected["averages"]["generator"]["updates"] == steps
    assert len(expected["ranks"][0]["memory"]["pool._extra_state"]["stored"]) == 4
    assert_equal(saved, expected)
    for name in ("generator.safetensors", "discriminator.safetensors"):
        assert_equal(load_file(ours / name), load_file(theirs / name), name)
    assert logged(ours) == logged(theirs) == list(range(1, steps + 1))


@pytest.mark.slow
def test_deterministic_runs_are_the_same(pairs):
    flags = [*FLAGS, "--deterministic", "--steps", 6, "--out"]
    fresh = start(pairs, *flags, "a")  # with a seed of its own for the order of sets
    finish(pairs, *flags, "b")
    assert fresh.wait() == 0
    assert_equal(*(torch.load(pairs / name / "state.pt") for name in "ab"))
    assert len({(pairs / name / "generator.safetensors").read_bytes() for name in "ab"}) == 1
