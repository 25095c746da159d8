"""A generator that lies in parts on all processes trains as one that each of them has whole."""

import shutil

import pytest
import torch
from distributed_ranks import run_ranks
from distributed_tasks import adaptive_weights, one_process_cannot_share, sharded
from tiny import assert_equal, tiny_task

import ganblocks
from ganblocks.distributed import DistributedContext
from ganblocks.errors import GanBlocksWarning


def close(ours, theirs):
    """Compares state dicts to rounding: parts are added up in another order."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        return all(close(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, torch.Tensor):
        return ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    return True


@pytest.mark.parametrize(
    "options",
    [pytest.param({}, marks=pytest.mark.slow), {"batch_size": 2, "accumulate": 2}],
    ids=["whole", "accumulated"],
)
def test_in_parts_it_trains_as_the_whole_one(tmp_path, options):
    made = {}
    for shard in (True, False):
        arguments = {"shard": shard, "steps": 2, **options}
        folder = tmp_path / f"{shard}"
        made[shard] = run_ranks(sharded, 2, tmp_path / f"ranks_{shard}", folder, arguments)
    parts, whole = (made[shard][0] for shard in (True, False))
    count = sum(p.numel() for p in tiny_task().generator.parameters())
    assert all(0 < rank["held"] < 0.6 * count for rank in made[True])
    assert whole["held"] == 0
    assert close(parts["state"], whole["state"])
    assert not made[True][1]["state"]["generator"]  # the first process alone gets the whole
    networks = [ganblocks.load(tmp_path / f"{shard}").state_dict() for shard in (True, False)]
    assert close(*networks)
    assert len(list((tmp_path / "True" / "samples").glob("*.png"))) == 1


@pytest.mark.slow
def test_its_checkpoint_goes_on_in_parts_and_whole(tmp_path):
    run = tmp_path / "run"
    arguments = {"shard": True, "checkpoint_every": 2}  # buffers are averaged then
    undisturbed = run_ranks(sharded, 2, tmp_path / "a", tmp_path / "b", {**arguments, "steps": 4})
    run_ranks(sharded, 2, tmp_path / "c", run, {**arguments, "steps": 2})
    (tmp_path / "copy").mkdir()
    for name in ("state.pt", "spec.json", "metrics.csv", "health.jsonl"):
        (tmp_path / "copy" / name).write_bytes((run / name).read_bytes())
    (tmp_path / "copy" / "samples").mkdir()
    shutil.copytree(tmp_path / "copy", tmp_path / "alone")
    again = run_ranks(sharded, 2, tmp_path / "d", run, {**arguments, "steps": 4})
    for key, value in undisturbed[0]["state"]["generator"].items():
        assert torch.equal(again[0]["state"]["generator"][key], value), key
    whole = run_ranks(sharded, 2, tmp_path / "e", tmp_path / "copy", {"shard": False, "steps": 4})
    assert close(whole[0]["state"], undisturbed[0]["state"])
    goes_on_alone(tmp_path / "alone", arguments)


def goes_on_alone(run, arguments):
    """One process has all of it, with the buffers' averages, and trains on."""
    saved = torch.load(run / "state.pt")
    with pytest.warns(GanBlocksWarning, match="already at step 2 of 2"):
        loaded = sharded(DistributedContext(), run, {**arguments, "steps": 2})
    assert loaded["held"] == 0
    assert_equal(loaded["state"]["generator"], saved["networks"]["generator"])
    assert_equal(loaded["state"]["average"], saved["averages"]["generator"])
    assert_equal(loaded["state"]["optimizer"]["state"], saved["optimizers"]["generator"]["state"])
    sharded(DistributedContext(), run, {**arguments, "steps": 4})
    assert torch.load(run / "state.pt")["step"] == 4


def test_one_process_has_nobody_to_share_with(tmp_path):
    said = run_ranks(one_process_cannot_share, 1, tmp_path / "ranks")
    assert "there is only one process" in said[0]


def test_an_adaptive_weight_is_that_of_the_whole_network(tmp_path):
    parts, whole = (
        run_ranks(adaptive_weights, 2, tmp_path / f"{shard}", shard) for shard in (True, False)
    )
    assert whole[0][0][0] == 0  # before its start
    assert whole[0][1][0] > 0
    for rank in (*parts, whole[1]):
        torch.testing.assert_close(rank, whole[0], rtol=1e-5, atol=0)
