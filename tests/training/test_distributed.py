"""Several processes train as one would: same gradients, own pairs and draws, one writer."""

import csv
from pathlib import Path

import pytest
import torch
from distributed_ranks import run_ranks
from distributed_tasks import gradients_and_weights, synced_batch_norm, trained

from ganblocks import World
from ganblocks.training.batches import BatchOrder

ROOT = Path(__file__).parents[2]
ALONE = World()


def assert_same(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, **tolerance, msg=lambda m, k=key: f"{k}: {m}")


def assert_equal(ours, theirs, where=""):
    """Compares nested states bit for bit."""
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            assert_equal(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), where
        for index, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(our, their, f"{where}.{index}")
    elif isinstance(theirs, torch.Tensor):
        assert torch.equal(ours, theirs), where
    else:
        assert ours == theirs, where


def of_networks(state):
    return {key: state[key] for key in ("generator", "discriminator", "optimizer_g", "optimizer_d")}


def logged(run):
    with (run / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("size", "objective", "accumulate"), [(2, "l1", 1), (2, "r1", 2), (3, "r1", 1)]
)
def test_ranks_give_the_gradients_of_one_process(tmp_path, size, objective, accumulate):
    given = (objective, "instance", size * accumulate, accumulate)
    ranks = run_ranks(gradients_and_weights, size, tmp_path / "ranks", *given)
    alone = gradients_and_weights(ALONE, *given)
    assert all(value.abs().max() > 0 for value in alone["gradients"].values())
    for rank in ranks:
        assert_same(rank["gradients"], alone["gradients"], rtol=1e-9, atol=1e-11)
        assert_same(rank["weights"], alone["weights"], rtol=1e-9, atol=1e-11)
        assert_equal(rank["weights"], ranks[0]["weights"])
        # One bucket holds so small a network: once a step, whatever the parts.
        assert rank["messages"] == {"generator": 3, "discriminator": 3}


def test_batch_norm_trains_with_buffers_of_each_rank(tmp_path):
    ranks = run_ranks(gradients_and_weights, 2, tmp_path / "ranks", "r1", "batch", 8, 2)
    buffers = [key for key in ranks[0]["weights"] if "running" in key]
    assert len(buffers) >= 2
    for key, value in ranks[0]["weights"].items():
        assert torch.isfinite(value).all(), key
        same = torch.equal(value, ranks[1]["weights"][key])
        assert same == (key not in buffers), key


def test_synchronised_batch_norm_on_the_cpu_says_that_it_needs_a_gpu(tmp_path):
    for said in run_ranks(synced_batch_norm, 2, tmp_path / "ranks"):
        assert said.startswith("ValueError: SyncBatchNorm expected input tensor to be on"), said


def test_ten_steps_of_fit(tmp_path):
    run = tmp_path / "run"
    ranks = run_ranks(
        trained, 2, tmp_path / "ranks", run, dict(steps=10, checkpoint_every=5, everything=True)
    )
    keys = [rank["keys"] for rank in ranks]
    together = [key for pair in zip(*keys, strict=True) for key in pair]
    whole = iter(BatchOrder(10, 2, seed=0))
    assert together == [key for _ in range(10) for key in next(whole)]
    assert len(set(together)) == 20
    masks = [rank["mask"] for rank in ranks]
    assert masks[0].shape == masks[1].shape
    assert not torch.equal(*masks)
    states = [rank["state"] for rank in ranks]
    assert_equal(*map(of_networks, states))
    assert_equal(*(state["ema"] for state in states))
    assert not torch.equal(*(state["ranks"][0]["random"]["cpu"] for state in states))
    assert logged(run) == list(range(1, 11))
    assert not (run / "nowhere").exists()
    saved = torch.load(run / "state.pt")
    assert (saved["step"], saved["epoch"], saved["position"]) == (10, 2, 0)
    assert_equal(of_networks(saved), of_networks(states[0]))
    assert_equal(saved["ranks"], [state["ranks"][0] for state in states])


def test_the_same_number_of_ranks_goes_on_to_the_bit(tmp_path):
    knobs = dict(checkpoint_every=4, everything=True)
    whole = run_ranks(trained, 2, tmp_path / "a", tmp_path / "whole", dict(steps=9, **knobs))
    run = tmp_path / "cut"
    run_ranks(trained, 2, tmp_path / "b", run, dict(steps=4, **knobs))
    later = run_ranks(trained, 2, tmp_path / "c", run, dict(steps=9, resume=True, **knobs))
    for ours, theirs in zip(later, whole, strict=True):
        assert ours["began"] == (4, 0, 8)
        assert theirs["keys"][4:] == ours["keys"]
        assert_equal(ours["state"], theirs["state"])
    assert_equal(*(torch.load(tmp_path / name / "state.pt") for name in ("cut", "whole")))
    for name in ("generator", "discriminator"):
        file = f"{name}.safetensors"
        assert (run / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert logged(run) == list(range(1, 10))
