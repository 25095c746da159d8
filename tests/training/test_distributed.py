"""Several processes train as one would: same gradients, own pairs and draws, one writer."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from distributed_ranks import open_store, run_ranks
from distributed_tasks import (
    gradients_and_weights,
    greetings,
    moves_after_nan,
    synced_batch_norm,
    trained,
)
from tiny import assert_equal

import ganblocks
from ganblocks.distributed import DistributedContext
from ganblocks.training.batches import ResumableBatchSampler

ROOT = Path(__file__).parents[2]
ALONE = DistributedContext()
# Two processes take two cores: not beside one another, and from one server that forks them.
pytestmark = pytest.mark.xdist_group("distributed")


def assert_same(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, **tolerance, msg=lambda m, k=key: f"{k}: {m}")


def shared(state):
    """What is the same in all ranks: all but the buffers, which are each one's own."""
    networks = {**state["networks"], "ema": state["averages"]["generator"]["network"]}
    weights = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.items()
        if "running" not in key
    }
    return {"weights": weights, "optimizers": state["optimizers"]}


def logged(run):
    with (run / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("kind", "size", "accumulate", "moves"),
    [
        pytest.param("l1", 2, 1, (3, 3), marks=pytest.mark.slow),
        ("r1", 2, 2, (3, 3)),
        pytest.param("r1", 3, 1, (3, 3), marks=pytest.mark.slow),
        ("changing", 2, 1, (3, 2)),
        pytest.param("unpaired", 2, 1, (3, 3), marks=pytest.mark.slow),
        ("unpaired", 2, 2, (3, 3)),
        ("classes", 2, 1, (3, 3)),
        pytest.param("reconstruction", 2, 1, (3, 3), marks=pytest.mark.slow),
        ("reconstruction", 2, 2, (3, 3)),
        ("super_resolution", 2, 1, (3, 3)),
        pytest.param("odd", 2, 1, (3, 2), marks=pytest.mark.slow),
        ("odd", 2, 2, (3, 2)),
    ],
)
def test_ranks_give_the_gradients_of_one_process(tmp_path, kind, size, accumulate, moves):
    given = (kind, size * accumulate, accumulate)
    folder = tmp_path / "ranks"
    ranks = run_ranks(gradients_and_weights, size, folder, *given)
    alone = gradients_and_weights(ALONE, *given)
    # A gradient of 0: of what is times 0, and of a bias in differences of logits.
    zero = {"odd": "gated", "classes": "logits.bias"}.get(kind, "none")
    assert all(value.any() == (zero not in key) for key, value in alone["gradients"].items())
    for rank in ranks:
        assert_same(rank["gradients"], alone["gradients"], rtol=1e-9, atol=1e-11)
        assert_same(rank["weights"], alone["weights"], rtol=1e-9, atol=1e-11)
        assert_equal(rank["weights"], ranks[0]["weights"])
        # One bucket holds so small a network: once for each move, whatever the parts.
        assert rank["messages"] == dict(zip(("discriminator", "generator"), moves, strict=True))
    assert [path.read_text() for path in folder.glob("*.stderr")] == [""] * size


def test_batch_norm_trains_with_buffers_of_each_rank(tmp_path):
    ranks = run_ranks(gradients_and_weights, 2, tmp_path / "ranks", "batch norm", 8, 2)
    for key, value in ranks[0]["weights"].items():
        assert torch.isfinite(value).all(), key
        assert torch.equal(value, ranks[1]["weights"][key]) == ("running" not in key), key
    given = ("batch norm", 8, 1, 0.0)
    for number, rank in enumerate(run_ranks(gradients_and_weights, 2, tmp_path / "0", *given)):
        alone = gradients_and_weights(DistributedContext(number, 2), *given)
        assert_same(rank["weights"], alone["weights"], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("shard", "optimizer"), [(False, "adam"), (True, "sgd")])
def test_a_loss_that_is_not_finite_on_one_rank_moves_none(tmp_path, shard, optimizer):
    """Its gradient is finite, so it reaches the others as any other would."""
    for moves in run_ranks(moves_after_nan, 2, tmp_path / "ranks", shard, optimizer):
        assert moves == [(False, False, 1.0), (True, True, 0.0)]


def test_synchronized_batch_norm_on_the_cpu_says_that_it_needs_a_gpu(tmp_path):
    for said in run_ranks(synced_batch_norm, 2, tmp_path / "ranks"):
        assert said == "ValueError: SyncBatchNorm layers only work with GPU modules"


def test_ten_steps_of_fit(tmp_path):
    run = tmp_path / "run"
    ranks = run_ranks(
        trained,
        2,
        tmp_path / "ranks",
        run,
        {"steps": 10, "checkpoint_every": 5, "everything": True},
    )
    keys = [rank["keys"] for rank in ranks]
    together = [key for pair in zip(*keys, strict=True) for key in pair]
    whole = iter(ResumableBatchSampler(10, 2, seed=0))
    assert together == [key for _ in range(10) for key in next(whole)]
    assert len(set(together)) == 20
    masks = [rank["mask"] for rank in ranks]
    assert masks[0].shape == masks[1].shape
    assert not torch.equal(*masks)
    states = [rank["state"] for rank in ranks]
    assert_equal(*map(shared, states))
    key = "down.1.norm.running_mean"
    own = [state["networks"]["generator"][key] for state in states]
    assert not torch.equal(*own)
    assert not torch.equal(*(state["ranks"][0]["random"]["cpu"] for state in states))
    assert logged(run) == list(range(1, 11))
    assert not (run / "nowhere").exists()
    saved = torch.load(run / "state.pt")
    assert (saved["step"], saved["epoch"], saved["samples_seen"]) == (10, 2, 0)
    assert_equal(shared(saved), shared(states[0]))
    torch.testing.assert_close(saved["networks"]["generator"][key], sum(own) / 2)
    for kept, state in zip(saved["ranks"], states, strict=True):
        assert kept["buffers"]
        assert kept["memory"]
        assert_equal(kept, state["ranks"][0])


@pytest.mark.slow
def test_the_same_number_of_ranks_goes_on_to_the_bit(tmp_path):
    arguments = {"checkpoint_every": 4, "everything": True}
    whole = run_ranks(trained, 2, tmp_path / "a", tmp_path / "whole", dict(steps=9, **arguments))
    run = tmp_path / "cut"
    run_ranks(trained, 2, tmp_path / "b", run, dict(steps=3, **arguments))  # saved out of turn
    later = run_ranks(trained, 2, tmp_path / "c", run, dict(steps=9, **arguments))
    for ours, theirs in zip(later, whole, strict=True):
        assert ours["began"] == (3, 0, 6)
        assert theirs["keys"][3:] == ours["keys"]
        assert_equal(ours["state"], theirs["state"])
    assert_equal(*(torch.load(tmp_path / name / "state.pt") for name in ("cut", "whole")))
    for name in ("generator", "discriminator"):
        file = f"{name}.safetensors"
        assert (run / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert logged(run) == list(range(1, 10))


@pytest.mark.slow
def test_other_numbers_of_ranks_go_on_where_the_epoch_was(tmp_path):
    run, length = tmp_path / "run", 13
    began = []
    seen = []
    for size, steps in [(2, 3), (1, 6), (3, 9)]:
        given = {"steps": steps, "length": length, "everything": True}
        ranks = run_ranks(trained, size, tmp_path / f"of_{size}", run, given)
        began.append(ranks[0]["began"])
        seen += [key for keys in zip(*(r["keys"] for r in ranks), strict=True) for key in keys]
        assert [r["began"] for r in ranks] == [began[-1]] * size
        assert [r["step"] for r in ranks] == [steps] * size
        for rank in ranks[1:]:
            assert_equal(shared(rank["state"]), shared(ranks[0]["state"]))
            assert not torch.equal(rank["mask"], ranks[0]["mask"])
        ganblocks.load(run)
        assert logged(run) == list(range(1, steps + 1))
    # 2 · 3, then 1 · 3, then 3 at a time: of 13 the last one is left over.
    assert began == [(0, 0, 0), (3, 0, 6), (6, 0, 9)]
    order = iter(ResumableBatchSampler(length, 1, seed=0))
    epoch = [key for _ in range(length) for key in next(order)]
    assert seen[:12] == epoch[:12]
    assert {key[0] for key in seen[12:]} == {1}
    assert len(set(seen)) == len(seen) == 18
    assert not torch.equal(ranks[1]["mask"], ranks[2]["mask"])


@pytest.mark.slow
def test_fit_goes_on_in_the_same_processes(tmp_path):
    given = {"steps": 4, "checkpoint_every": 2}
    once = run_ranks(trained, 2, tmp_path / "a", tmp_path / "once", given)
    twice = run_ranks(trained, 2, tmp_path / "b", tmp_path / "twice", dict(given, twice=True))
    for ours, theirs in zip(twice, once, strict=True):
        assert_equal(ours["state"], theirs["state"])


@pytest.mark.parametrize("asked", [0, 1])
def test_one_rank_that_is_asked_to_stop_takes_all_along(tmp_path, asked):
    run = tmp_path / "run"
    given = {"steps": 30, "stop": (asked, 6), "log_every": 4}
    ranks = run_ranks(trained, 2, tmp_path / "ranks", run, given)
    assert [rank["step"] for rank in ranks] == [8, 8]
    assert [rank["exit"] for rank in ranks] == [128 + signal.SIGTERM] * 2
    assert torch.load(run / "state.pt")["step"] == 8
    assert logged(run) == [4, 8]


def test_restarted_ranks_meet_one_another_and_none_that_is_gone(tmp_path):
    store = open_store()
    for restarts in range(2):
        options = {"store": store, "restarts": restarts}
        first, second = run_ranks(greetings, 2, tmp_path / f"{restarts}", **options)
        assert [entry["rank"] for entry in first] == [0, 1]
        assert [entry["tensor"].tolist() for entry in first] == [[0, 0], [1, 1]]
        assert [entry["left"] for entry in first] == [False, False]
        assert second is None


class Torchrun:
    """The recipe under the real `torchrun`, on two processes."""

    TINY = "--load-size 36 --crop-size 32 --num-downs 3 --n-layers 1 --base-channels 4"
    STEPS = 40

    def __init__(self, folder, *flags):
        self.folder = folder
        self.run = folder / "run"
        script = Path(__file__).with_name("distributed_recipe.py")
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "--monitor-interval", "0.1", *flags, str(script)),
            *(*self.TINY.split(), "--device", "cpu", "--out", "run", "--log-every", "1"),
            *("--checkpoint-every", "5", "--steps", str(self.STEPS)),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with (folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stderr=stderr)

    def wait_for_step(self, step):
        def reached():
            assert self.process.poll() is None, self.stderr()
            return (self.run / "state.pt").exists() and logged(self.run)[-1] >= step

        self._wait(reached)

    def wait(self):
        self._wait(lambda: self.process.poll() is not None)
        return self.process.returncode

    def stderr(self):
        return (self.folder / "stderr").read_text()

    def pid(self, rank, attempt=0):
        return int((self.folder / f"rank_{rank}_of_attempt_{attempt}").read_text())

    def _wait(self, done):
        deadline = time.monotonic() + 100
        while not done():
            assert time.monotonic() < deadline, f"it hangs: {self.stderr()}"
            time.sleep(0.02)


@pytest.fixture
def torchrun(tmp_path):
    """Starts it, and at the end kills what is left of it."""
    started = []

    def start(*flags):
        started.append(Torchrun(tmp_path, *flags))
        return started[0]

    yield start
    for job in started:
        job.process.kill()
        job.process.wait()
        for path in tmp_path.glob("rank_*"):
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.mark.slow
def test_torchrun_told_to_stop_leaves_a_checkpoint(torchrun):
    job = torchrun()
    job.wait_for_step(6)
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() != 0
    steps = logged(job.run)
    assert steps == list(range(1, steps[-1] + 1))
    assert 6 <= steps[-1] < job.STEPS
    assert torch.load(job.run / "state.pt")["step"] == steps[-1]


@pytest.mark.slow
def test_a_killed_rank_ends_the_job(torchrun):
    job = torchrun()
    job.wait_for_step(6)
    os.kill(job.pid(1), signal.SIGKILL)
    killed = time.monotonic()
    assert job.wait() != 0
    assert time.monotonic() - killed < 60
    assert logged(job.run)[-1] < job.STEPS
    ganblocks.load(job.run)


@pytest.mark.slow
def test_a_killed_rank_is_started_again_and_goes_on(torchrun):
    job = torchrun("--max-restarts", "1")
    job.wait_for_step(6)
    os.kill(job.pid(0), signal.SIGKILL)
    assert job.wait() == 0, job.stderr()
    assert job.pid(0, attempt=1) != job.pid(0)
    assert logged(job.run) == list(range(1, job.STEPS + 1))
    assert torch.load(job.run / "state.pt")["step"] == job.STEPS
    assert "already contains a run" not in job.stderr()
