"""Which weights of a run are kept and loaded: the last, their average, the best by a score."""

import pytest
import torch
from tiny import Stripes, assert_equal, tiny_task
from torch.utils.data import Dataset
from trained import rows, train

from ganblocks import Callback, UNetGenerator, UnpairedTranslation, load
from ganblocks.errors import GanBlocksWarning, OptionError, RunError, ShapeError
from ganblocks.inference import with_mode
from ganblocks.metrics import SSIM


def test_the_weights_of_a_run_are_the_averages(tmp_path):
    run, updater = train(tmp_path / "run", steps=5, ema=0.9)
    loaded = load(run.path).state_dict()
    average = updater.averages["generator"].network.state_dict()
    own = updater.task.generator.state_dict()
    assert_equal(dict(loaded), dict(average))
    assert any(not torch.equal(loaded[key], value) for key, value in own.items())
    assert_equal(dict(load(run.path, weights="average").state_dict()), dict(average))
    assert_equal(dict(load(run.path, weights="last").state_dict()), dict(own))


def test_weights_that_a_run_lacks_are_named(tmp_path):
    run, updater = train(tmp_path / "run", steps=2)
    judge = load(run.path, weights="last", network="discriminator")
    assert_equal(dict(judge.state_dict()), dict(updater.task.discriminator.state_dict()))
    with pytest.raises(RunError, match="no average weights of 'generator', but of .none.*ema"):
        load(run.path, weights="average")
    with pytest.raises(RunError, match="best_generator"):
        load(run.path, weights="best")
    with pytest.raises(OptionError, match="unknown weights.*'auto', 'average', 'best', 'last'"):
        load(run.path, weights="latest")


class Scored(Callback):
    """Replaces the scores by given ones, and notes the generators that got them."""

    def __init__(self, monkeypatch, scores):
        self.networks = []
        given = iter(scores)

        def held_out(task, *_, **__):
            self.networks.append({k: p.clone() for k, p in task.generator.named_parameters()})
            torch.rand(3)  # whatever a score draws does not reach the training
            return {"l1": next(given)}

        monkeypatch.setattr("ganblocks.training.callbacks.score_task", held_out)


def test_the_best_is_kept(tmp_path, monkeypatch):
    scored = Scored(monkeypatch, [3.0, 1.0, 2.0, 0.5])
    options = {"checkpoint_every": 2, "best_by": "l1", "ema": 0.5}
    run, _ = train(tmp_path / "run", steps=6, **options)
    best = load(run.path, weights="best")
    assert all(torch.equal(p, scored.networks[1][k]) for k, p in best.named_parameters())
    assert (run.load_state()["best"], run.load_state()["best_step"]) == (1.0, 4)
    train(run.path, tiny_task(seed=4), steps=8, **options)  # a worse one would not replace it
    assert (run.load_state()["best"], run.load_state()["best_step"]) == (0.5, 8)


def test_another_score_has_its_own_best(tmp_path):
    options = {"checkpoint_every": 2, "val_set": Stripes(3)}
    train(tmp_path, steps=4, best_by="psnr", **options)
    run, _ = train(tmp_path, tiny_task(), steps=6, best_by="ssim", **options)
    state = run.load_state()
    assert (state["best"], state["best_step"]) == (run.spec["scores"]["ssim"], 6)


def test_scoring_leaves_the_training_as_it_is(tmp_path, monkeypatch):
    _, plain = train(tmp_path / "plain", steps=5, checkpoint_every=2)
    Scored(monkeypatch, [3.0, 1.0, 2.0])
    _, scored = train(tmp_path / "scored", steps=5, checkpoint_every=2, best_by="l1")
    assert_equal(plain.task.state_dict(), scored.task.state_dict())


def test_a_score_of_nan_is_not_the_best(tmp_path, monkeypatch):
    Scored(monkeypatch, [float("nan"), 0.5, float("nan"), 0.4])
    with pytest.warns(GanBlocksWarning, match="'l1' is NaN"):
        run, _ = train(tmp_path / "run", steps=8, checkpoint_every=2, best_by="l1")
    assert run.load_state()["best"] == 0.4


PATCH = {"type": "patch", "in_channels": 3, "base_channels": 4, "n_layers": 1}


class Unpaired(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        drawn = torch.Generator().manual_seed(index)
        return {side: torch.rand(3, 32, 32, generator=drawn) * 2 - 1 for side in "ab"}


@pytest.mark.parametrize("name", ["ssim", "l1"])
def test_any_metric_may_name_the_best(tmp_path, name):
    """SSIM is better if higher: the best is the highest, and is that of the saved weights."""
    val = Stripes(4)
    task = tiny_task(generator=UNetGenerator(base_channels=4, num_downs=3, dropout=0), lr=5e-2)
    options = {"checkpoint_every": 4, "ema": 0.5, "best_by": name}
    run, _ = train(tmp_path, task, val_set=val, steps=16, **options)
    logged = [float(row[f"val_{name}"]) for row in rows(run) if row[f"val_{name}"]]
    assert len(logged) == 4
    best = max(logged) if name == "ssim" else min(logged)
    state = run.load_state()
    assert state["best"] == pytest.approx(best)
    assert state["best_step"] == 4 * (logged.index(best) + 1)
    assert run.spec["better"] == ({"ssim": "higher"} if name == "ssim" else {})
    if name == "ssim":
        metric, generator = SSIM(), with_mode(load(run.path, weights="best"), "sample")
        for index in range(len(val)):
            pair = val[index]
            metric.update(generator(pair["source"][None]), pair["target"][None])
        assert metric.compute().value == pytest.approx(best, abs=1e-4)
        page = (run.path / "index.html").read_text()
        assert "Held-out ssim" in page
        assert "higher is better" in page


def unpaired():
    parts = ({"type": "unet", "base_channels": 4, "num_downs": 3}, PATCH, {"terms": {"a": "lsgan"}})
    return UnpairedTranslation(*parts, pool_size=0)


@pytest.mark.parametrize(
    ("task", "best_by", "error", "message"),
    [
        (tiny_task, "psnrr", OptionError, "best_by.*did you mean 'psnr'"),
        (tiny_task, "kid", OptionError, "best_by='kid' needs 2 held-out samples, but there are 1"),
        (tiny_task, "ms_ssim", ShapeError, "176"),
        (unpaired, "psnr", OptionError, "no target for each image: choose one of sets, .*'kid'"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_before_the_first_step(
    tmp_path, task, best_by, error, message
):
    val = Stripes(1) if task is tiny_task else Unpaired()
    with pytest.raises(error, match=message):
        train(tmp_path / "run", task(), val, val, best_by=best_by)
    assert not (tmp_path / "run").exists()


def test_sets_are_scored_without_pairs(tmp_path):
    data = Unpaired()
    run, _ = train(tmp_path, unpaired(), data, data, best_by="checkerboard", steps=2)
    assert set(run.spec["scores"]) == {"cycle", "checkerboard"}
    assert run.load_state()["best"] == run.spec["scores"]["checkerboard"]
