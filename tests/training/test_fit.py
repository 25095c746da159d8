"""The loop: what a run leaves behind, and that it goes on where it stopped."""

import ast
import inspect
import json

import pytest
import torch
from PIL import Image
from tiny import Stripes, assert_equal, batch, tiny_task, tiny_updater
from trained import OPTIONS, rows, train

import ganblocks
from ganblocks import (
    Callback,
    DiffAugment,
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    UNetGenerator,
    fit,
    load,
)
from ganblocks.errors import DataError, GanBlocksWarning, OptionError, RunError, ShapeError
from ganblocks.training import GridCallback, dry_run, mean_l1


def test_a_run_leaves_everything_behind(tmp_path):
    run, updater = train(tmp_path / "run", sample_every=10, checkpoint_every=10)
    assert updater.steps == 24
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        "spec.json",
        "state.pt",
        "generator.safetensors",
        "discriminator.safetensors",
        "metrics.csv",
        "health.jsonl",
        "samples",
        "index.html",
        "README.md",
    }
    grids = sorted(path.name for path in run.samples.iterdir())
    assert grids == ["step_000010.png", "step_000020.png", "step_000024.png"]
    with Image.open(run.samples / grids[0]) as picture:
        assert picture.size == (4 + 3 * 20, 4 + 2 * 20)
    log = rows(run)
    assert [int(r["step"]) for r in log] == list(range(1, 25))
    assert [int(r["epoch"]) for r in log] == [1 + step // 6 for step in range(24)]
    assert float(log[0]["lr_g"]) == 1e-3
    assert float(log[-1]["lr_d"]) == pytest.approx(1e-3 / 3)
    assert set(log[0]) == {
        *("step", "epoch", "d_real", "d_fake", "d_spread", "d_accuracy", "images_per_s"),
        *("loss_d", "loss_d_adversarial", "grad_norm_d", "skipped_d", "lr_d"),
        *("loss_g", "loss_g_adversarial", "loss_g_l1", "grad_norm_g", "skipped_g", "lr_g"),
        *("grad_image", "grad_image_d", "val_l1"),
    }


def test_the_score_stands_beside_a_baseline(tmp_path):
    run, updater = train(tmp_path / "run", score_every=10)
    log = rows(run)
    assert [row["step"] for row in log if row["val_l1"]] == ["10", "20", "24"]
    score = mean_l1(updater.inference_network("generator"), Stripes(2))
    assert run.spec["scores"]["l1"] == pytest.approx(score)
    assert float(log[-1]["val_l1"]) == pytest.approx(score, rel=1e-5)
    one, other = (Stripes(2)[index]["target"] for index in range(2))
    assert run.spec["baselines"]["l1"] == pytest.approx((one - other).abs().mean().item())


def test_the_baseline_of_targets_of_several_sizes_is_their_mean_color():
    task = tiny_task()
    targets = [torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 6)]
    assert task.baseline({"source": x, "target": x} for x in targets) == {"l1": 1.0}


def test_the_spec_says_what_ran(tmp_path):
    run, _ = train(tmp_path / "run", steps=1)
    spec = json.loads((run.path / "spec.json").read_text())
    assert spec["networks"]["generator"]["num_downs"] == 3
    assert spec["task"]["optimizer"] == {"type": "adam", "lr": 1e-3}
    assert spec["task"]["objective"]["terms"]["l1"]["weight"] == 100
    assert spec["data"]["train"]["direction"] == "b2a"
    assert spec["options"]["epochs"] == 4
    assert spec["versions"]["ganblocks"] == ganblocks.__version__


def test_the_loaded_networks_are_the_trained_ones(tmp_path):
    run, updater = train(tmp_path / "run", ema=0.9)
    for name in ("generator", "discriminator"):
        loaded = load(run.path, network=name)
        assert not loaded.training
        assert_equal(loaded.state_dict(), updater.inference_network(name).state_dict())
    assert updater.inference_network("generator") is updater.averages["generator"].network


@pytest.mark.parametrize("stop", [1, 7, 13])
@pytest.mark.parametrize("workers", [0, 1])
def test_stopped_and_resumed_equals_undisturbed_bit_for_bit(tmp_path, stop, workers):
    _, whole = train(tmp_path / "whole", steps=15, sample_every=4)
    train(tmp_path / "parts", steps=stop, sample_every=5, workers=workers)
    torch.manual_seed(99)  # another process
    again = tiny_task(seed=5)
    run, parts = train(tmp_path / "parts", again, steps=15, sample_every=7, workers=workers)
    assert_equal(parts.task.state_dict(), whole.task.state_dict())
    assert [int(r["step"]) for r in rows(run)] == list(range(1, 16))


def test_log_every_thins_the_log_but_keeps_the_last_step(tmp_path):
    run, _ = train(tmp_path / "run", steps=10, log_every=4)
    assert [int(r["step"]) for r in rows(run)] == [4, 8, 10]


def test_batch_norm_at_a_larger_batch_is_warned_of(tmp_path):
    with pytest.warns(GanBlocksWarning, match='norm="instance"'):
        train(tmp_path / "run", steps=1, batch_size=2)


def test_batch_norm_that_sees_one_image_of_a_larger_batch_is_fine(tmp_path, recwarn):
    train(tmp_path / "run", steps=1, batch_size=2, accumulate=2)
    assert not [w for w in recwarn if "batch norm" in str(w.message)]


def test_networks_loaded_for_evaluation_are_trained_again(tmp_path):
    task = tiny_task()
    task.eval()
    train(tmp_path / "run", task, steps=2)
    assert task.generator.down[1].norm.num_batches_tracked == 2
    assert task.discriminator.training


def test_a_frozen_network_of_a_task_stays_in_eval_mode(tmp_path):
    class Encoding(PairedTranslation):
        def generate(self, batch):
            return {**super().generate(batch), "code": self.encoder(batch["source"])}

    parts = tiny_task()
    task = Encoding(parts.generator, parts.discriminator, parts.objective)
    task.encoder = torch.nn.BatchNorm2d(3).eval().requires_grad_(False)
    train(tmp_path / "run", task, steps=2)
    assert task.encoder.num_batches_tracked == 0
    assert task.generator.training


def test_a_finished_run_and_a_lost_log_say_so(tmp_path):
    run, _ = train(tmp_path / "run", steps=2)
    with pytest.warns(GanBlocksWarning, match="already at step 2"):
        train(tmp_path / "run", steps=2)
    run.metrics.unlink()
    with pytest.warns(GanBlocksWarning, match="starts after step 2"):
        train(tmp_path / "run", steps=3)


def test_a_checkpoint_of_another_device_says_so():
    saved = tiny_updater(seed=1).state_dict()
    saved["ranks"][0]["random"]["cuda"] = torch.zeros(16, dtype=torch.uint8)
    with pytest.warns(GanBlocksWarning, match="on cuda and is resumed on cpu"):
        tiny_updater().load_state_dict(saved)


@pytest.mark.parametrize("key", ["ranks", "networks", "optimizers"])
def test_an_incomplete_checkpoint_changes_nothing(key):
    saved = tiny_updater(seed=1).state_dict()
    del saved[key]
    updater = tiny_updater()
    kept = updater.task.generator.down[0].conv.weight.clone()
    with pytest.raises(RunError, match=f"lacks '{key}'"):
        updater.load_state_dict(saved)
    assert torch.equal(updater.task.generator.down[0].conv.weight, kept)


def test_training_learns(tmp_path):
    task = tiny_task()
    before = mean_l1(task.generator, Stripes(2))
    train(tmp_path / "run", task, epochs=20)
    assert mean_l1(task.generator, Stripes(2)) < 0.5 * before


def test_grids_and_scores_change_nothing(tmp_path):
    """However often it is looked, scored and checked: the same weights, buffers and draws."""
    states = []
    for name, every in [("often", 1), ("seldom", 100)]:
        options = {"sample_every": every, "score_every": every, "best_by": "l1", "ema": 0.9}
        _, updater = train(tmp_path / name, steps=5, checkpoint_every=every, **options)
        states.append((updater.task.state_dict(), torch.get_rng_state()))
    assert_equal(*states)


def test_the_grid_shows_source_target_and_fake():
    task = tiny_task(generator=torch.nn.Conv2d(3, 3, 1))
    given = batch()
    shown = task.preview(given)
    assert list(shown) == ["source", "target", "fake"]
    assert torch.equal(shown["source"], given["source"])
    assert torch.equal(shown["fake"], task.generator(given["source"]))


def test_the_same_grid_comes_again(tmp_path):
    seen = []

    class Grids(Callback):
        def grid(self, training, grid):
            seen.append(grid)

    for name in ("one", "two"):
        train(tmp_path / name, steps=1, callbacks=[GridCallback(), Grids()])
    assert torch.equal(*seen)


def test_a_dry_run_finds_what_does_not_fit():
    dry_run(tiny_updater(), Stripes()[0])
    with pytest.raises(ShapeError, match="at least"):
        dry_run(tiny_updater(), Stripes(size=4)[0])
    target = {**Stripes()[0], "target": torch.zeros(3, 14, 16)}
    with pytest.raises(ShapeError, match="the same size"):
        dry_run(tiny_updater(), target)


def test_a_dry_run_changes_nothing():
    updater = tiny_updater(pool_size=2, ema=0.9)
    before = {k: x.clone() for k, x in updater.task.state_dict().items() if hasattr(x, "clone")}
    random = torch.get_rng_state()
    dry_run(updater, Stripes()[0])
    assert torch.equal(torch.get_rng_state(), random)
    assert len(updater.task.pool) == 0
    assert all(torch.equal(updater.task.state_dict()[k], x) for k, x in before.items())
    assert all(p.grad is None for p in updater.task.parameters())


def old_weight_norm():
    with pytest.warns(FutureWarning):
        convolution = torch.nn.utils.weight_norm(torch.nn.Conv2d(3, 3, 1))
    return convolution(torch.zeros(1, 3, 4, 4)).sum() and convolution


def sparse():
    layer = torch.nn.Conv2d(3, 3, 1)
    layer.register_buffer("mask", torch.eye(3).to_sparse())
    return layer


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"generator": old_weight_norm}, OptionError, "cannot be copied"),
        ({"generator": sparse}, OptionError, "'mask' of Conv2d is of type torch.sparse_coo"),
        ({"generator": lambda: UNetGenerator(out_channels=1)}, ShapeError, "out_channels=3"),
        ({"discriminator": lambda: PatchDiscriminator(3)}, ShapeError, "in_channels=6"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(tmp_path, arguments, error, message):
    path = tmp_path / "run"
    with pytest.raises(error, match=message):
        train(path, tiny_task(**{name: make() for name, make in arguments.items()}))
    assert not path.exists()


class Gray(Stripes):
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return a[:1], b[:1], name


@pytest.mark.parametrize(
    ("options", "val_set", "message"),
    [
        ({"best_by": "l2"}, None, "best_by.*'l1'.*Allowed: .*'kid', 'l1'"),
        ({}, Gray(2), "in_channels=1"),
        ({"schedule": "cosin"}, None, "cosine"),
        ({"precision": "fp64"}, None, "unknown precision"),
        ({"device": "tpu"}, None, "unknown device"),
    ],
)
def test_a_wrong_option_is_said_before_the_first_step(tmp_path, options, val_set, message):
    with pytest.raises(ganblocks.GanBlocksError, match=message):
        train(tmp_path / "run", val_set=val_set, **options)
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_model_changes_nothing():
    saved = tiny_updater(seed=1).state_dict()
    for part, updater in [
        ("blocks.0", tiny_updater(discriminator=PatchDiscriminator(6, base_channels=8))),
        (
            r"different model.*down.0.conv.weight is \(4, 3, 4, 4\), and should be",
            tiny_updater(generator=UNetGenerator(base_channels=8, num_downs=3)),
        ),
    ]:
        before = {k: x.clone() for k, x in updater.task.state_dict().items()}
        with pytest.raises(RunError, match=part):
            updater.load_state_dict(saved)
        assert_equal(dict(updater.task.state_dict()), before)


def test_a_lazy_penalty_is_in_a_thinned_log(tmp_path):
    objective = Objective({"a": "hinge", "r1": {"type": "r1", "interval": 4}, "l1": "l1"})
    run, _ = train(tmp_path / "run", tiny_task(objective=objective), epochs=2, log_every=5)
    log = rows(run)
    assert [row["step"] for row in log] == ["5", "10", "12"]
    assert all(float(row["loss_d_r1"]) > 0 for row in log[:2])


def test_a_column_that_comes_later_is_added_to_the_whole_log(tmp_path):
    late = Objective({"l1": "l1", "gan": {"type": "hinge", "start": 3}})
    run, _ = train(tmp_path / "run", tiny_task(objective=late), steps=5)
    assert [bool(row["loss_g_gan"]) for row in rows(run)] == [False] * 3 + [True] * 2
    assert all(row["loss_d_gan"] for row in rows(run))  # the discriminator learns from the first


class Mixed(Stripes):
    """Pictures of two sizes."""

    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return (a, b, name) if index % 2 else (a[:, :12], b[:, :12], name)


@pytest.mark.filterwarnings("ignore:batch norm in the generator")
def test_whole_pictures_of_several_sizes(tmp_path):
    mixed = {"train_set": Mixed(), "val_set": Mixed(2), "epochs": 1}
    run, _ = train(tmp_path / "run", **mixed)
    assert list(run.samples.iterdir())
    with pytest.raises(DataError, match="differ in size within a batch: .*batch_size=1") as caught:
        train(tmp_path / "other", **mixed, batch_size=3)
    assert caught.value.see == "sizes-must-match"


class MixedSides(Stripes):
    """Pairs of which every other has sides of two sizes."""

    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return (a[:, :12], b, name) if index % 2 else (a, b, name)


@pytest.mark.filterwarnings("ignore:batch norm in the generator")
def test_pictures_whose_sides_differ_in_size_are_not_for_pair_transform(tmp_path):
    with pytest.raises(DataError, match="so that each key has one size") as caught:
        train(tmp_path / "run", train_set=MixedSides(), val_set=Stripes(2), batch_size=3)
    assert "batch_size" not in str(caught.value)
    assert "crop_size" not in str(caught.value)


def test_weights_are_for_all_who_may_read_the_folder(tmp_path):
    run, _ = train(tmp_path / "run", steps=1)
    modes = {path.stat().st_mode for path in run.path.iterdir() if path.is_file()}
    assert len(modes) == 1


def test_a_grid_that_fails_leaves_the_weights(tmp_path):
    class Fails(GridCallback):
        def sample(self, training):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "run", steps=1, callbacks=[Fails()])
    assert load(tmp_path / "run")


def test_resuming_with_all_that_remembers_and_draws(tmp_path):
    terms = {
        "a": "hinge",
        "l1": {"type": "l1", "weight": 10},
        "lecam": {"type": "lecam", "interval": 3},
        "gp": {"type": "wgan_gp", "scalar": "logit", "interval": 2},
        "cr": {"type": "consistency", "sides": "both"},
    }
    options = {"checkpoint_every": 5}
    tasks = []
    for folder, stops in (("whole", [11]), ("parts", [5, 11])):
        for seed, stop in enumerate(stops):
            task = tiny_task(seed=seed, objective=Objective(terms), augment=DiffAugment())
            train(tmp_path / folder, task, steps=stop, **options)
        tasks.append(task)
    whole, parts = (task.state_dict() for task in tasks)
    assert_equal(dict(parts), dict(whole))
    assert whole["objective.modules_by_name.lecam.calls"] > 1


def test_fit_is_short():
    function = ast.parse(inspect.getsource(fit)).body[0]
    body = function.body[1:]  # without its docstring
    assert body[-1].end_lineno - body[0].lineno + 1 <= 60
    assert len(inspect.signature(fit).parameters) <= 7
    assert OPTIONS.keys() <= inspect.signature(ganblocks.TrainOptions).parameters.keys()
