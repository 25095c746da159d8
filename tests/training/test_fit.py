"""The loop: what a run leaves behind, and that it goes on where it stopped."""

import csv

import pytest
import torch
from PIL import Image
from tiny import LOSSES, Stripes, tiny_state

from ganblocks import (
    DataError,
    DiffAugment,
    GanBlocksWarning,
    Objective,
    PatchDiscriminator,
    RunError,
    RunFolder,
    ShapeError,
    UNetGenerator,
    fit,
    load,
    mean_l1,
    rehearse,
    sample_grid,
    spec_of,
)
from ganblocks.training import TrainState


def train(path, state, objective=LOSSES, train_set=None, val_set=None, **knobs):
    spec = {"generator": spec_of(state.generator), "direction": "b2a"}
    run = RunFolder.create(path, spec) if not (path / "spec.json").exists() else RunFolder(path)
    options = {"direction": "b2a", "epochs": 4, "sample_every": 100, "checkpoint_every": 100}
    train_set, val_set = train_set or Stripes(), val_set or Stripes(2)
    fit(state, objective, train_set, val_set, run, **{**options, "progress": False, **knobs})
    return run


def rows(run):
    with run.metrics.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_everything_behind(tmp_path):
    state = tiny_state()
    run = train(tmp_path / "run", state, sample_every=10, checkpoint_every=10)
    assert state.step == 24
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
    }
    grids = sorted(path.name for path in run.samples.iterdir())
    assert grids == ["step_000010.png", "step_000020.png", "step_000024.png"]
    with Image.open(run.samples / grids[0]) as picture:
        assert picture.size == (4 + 3 * 20, 4 + 2 * 20)
    log = rows(run)
    assert [int(r["step"]) for r in log] == list(range(1, 25))
    assert [int(r["epoch"]) for r in log] == [step // 6 for step in range(24)]
    assert float(log[0]["lr"]) == 1e-3
    assert float(log[-1]["lr"]) == pytest.approx(1e-3 / 3)
    assert list(log[0]) == (
        [
            "step",
            "epoch",
            "d_real",
            "d_fake",
            "d_spread",
            "d_accuracy",
            "loss_d",
            "loss_g_adversarial",
            "loss_g_l1",
            "grad_norm_d",
            "grad_norm_g",
            "grad_image",
            "grad_image_d",
            "skipped",
            "lr",
            "lr_d",
            "images_per_s",
        ]
    )


def test_the_loaded_generator_is_the_trained_one(tmp_path):
    state = tiny_state()
    run = train(tmp_path / "run", state)
    loaded = load(run.path)
    assert not loaded.training
    for key, value in state.generator.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


@pytest.mark.parametrize("stop", [1, 7, 13])
@pytest.mark.parametrize("workers", [0, 1])
def test_stopped_and_resumed_equals_undisturbed_bit_for_bit(tmp_path, stop, workers):
    whole = tiny_state()
    train(tmp_path / "whole", whole, steps=15, sample_every=4)
    part = tiny_state()
    run = train(tmp_path / "parts", part, steps=stop, sample_every=5, workers=workers)
    torch.manual_seed(99)  # another process
    again = tiny_state(seed=5)
    again.load_state_dict(run.load_state())
    train(tmp_path / "parts", again, steps=15, sample_every=7, workers=workers)
    for network in ("generator", "discriminator"):
        ours, theirs = (getattr(s, network).state_dict() for s in (again, whole))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert [int(r["step"]) for r in rows(run)] == list(range(1, 16))


def test_log_every_thins_the_log_but_keeps_the_last_step(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=10, log_every=4)
    assert [int(r["step"]) for r in rows(run)] == [4, 8, 10]


def test_batch_norm_at_a_larger_batch_is_warned_of(tmp_path):
    with pytest.warns(GanBlocksWarning, match='norm="instance"'):
        train(tmp_path / "run", tiny_state(), steps=1, batch_size=2)


def test_networks_loaded_for_evaluation_are_trained_again(tmp_path):
    state = tiny_state()
    state.generator.eval()
    state.discriminator.eval()
    train(tmp_path / "run", state, steps=2)
    assert state.generator.down[1].norm.num_batches_tracked == 2
    assert state.discriminator.training


def test_a_finished_run_and_a_lost_log_say_so(tmp_path):
    state = tiny_state()
    run = train(tmp_path / "run", state, steps=2)
    with pytest.warns(GanBlocksWarning, match="already at step 2"):
        train(tmp_path / "run", state, steps=2)
    run.metrics.unlink()
    with pytest.warns(GanBlocksWarning, match="begins after step 2"):
        train(tmp_path / "run", state, steps=3)


def test_a_checkpoint_of_another_device_says_so():
    saved = tiny_state(seed=1).state_dict()
    saved["ranks"][0]["random"]["cuda"] = torch.zeros(16, dtype=torch.uint8)
    state = tiny_state()
    with pytest.warns(GanBlocksWarning, match="training on cuda and goes on on cpu"):
        state.load_state_dict(saved)


@pytest.mark.parametrize("key", ["ranks", "generator", "optimizer_d"])
def test_an_incomplete_checkpoint_changes_nothing(key):
    saved = tiny_state(seed=1).state_dict()
    del saved[key]
    state = tiny_state()
    kept = state.generator.down[0].conv.weight.clone()
    with pytest.raises(RunError, match=f"lacks '{key}'"):
        state.load_state_dict(saved)
    assert torch.equal(state.generator.down[0].conv.weight, kept)


def test_training_learns(tmp_path):
    state = tiny_state()
    before = mean_l1(state.generator, Stripes(2), "b2a")
    train(tmp_path / "run", state, epochs=20)
    assert mean_l1(state.generator, Stripes(2), "b2a") < 0.5 * before


def test_looking_changes_nothing():
    state = tiny_state()
    state.generator.train()
    kept = {k: v.clone() for k, v in state.generator.state_dict().items()}
    random = torch.get_rng_state()
    first = sample_grid(state.generator, [Stripes()[0]], "b2a")
    assert torch.equal(first, sample_grid(state.generator, [Stripes()[0]], "b2a"))
    assert torch.equal(random, torch.get_rng_state())
    assert state.generator.training
    assert all(torch.equal(v, kept[k]) for k, v in state.generator.state_dict().items())
    assert first.shape == (3, 24, 64)


def test_the_grid_shows_input_target_and_output():
    sample = Stripes()[0]
    sheet = sample_grid(
        torch.nn.Sequential(torch.nn.Identity(), torch.nn.Conv2d(3, 3, 1)), [sample], "b2a"
    )
    as_bytes = lambda x: ((x + 1) * 127.5).round().to(torch.uint8)  # noqa: E731
    assert torch.equal(sheet[:, 4:20, 4:20], as_bytes(sample["b"]))
    assert torch.equal(sheet[:, 4:20, 24:40], as_bytes(sample["a"]))


def test_rehearse_finds_what_does_not_fit():
    rehearse(tiny_state(), Stripes()[0], "b2a")
    with pytest.raises(ShapeError, match="at least"):
        rehearse(tiny_state(), Stripes(size=4)[0], "b2a")


def test_a_checkpoint_of_another_model_changes_nothing():
    other = tiny_state().state_dict()
    halves = tiny_state()
    halves.discriminator = PatchDiscriminator(base_channels=8)
    before = {k: v.clone() for k, v in halves.generator.state_dict().items()}
    with pytest.raises(RunError, match="blocks.0"):  # the generator would fit
        halves.load_state_dict(tiny_state(seed=1).state_dict())
    assert all(torch.equal(v, before[k]) for k, v in halves.generator.state_dict().items())
    state = TrainState(
        UNetGenerator(base_channels=8, num_downs=3), PatchDiscriminator(base_channels=4)
    )
    kept = {k: v.clone() for k, v in state.generator.state_dict().items()}
    with pytest.raises(
        RunError, match=r"another model.*down.0.conv.weight is \(4, 3, 4, 4\), and should be"
    ):
        state.load_state_dict(other)
    assert all(torch.equal(v, kept[k]) for k, v in state.generator.state_dict().items())


def test_a_lazy_penalty_is_in_a_thinned_log(tmp_path):
    objective = Objective({"a": "hinge", "r1": {"type": "r1", "every": 4}, "l1": "l1"})
    log = rows(train(tmp_path / "run", tiny_state(), objective, epochs=2, log_every=5))
    assert [row["step"] for row in log] == ["5", "10", "12"]
    assert all(float(row["loss_d_r1"]) > 0 for row in log[:2])


def test_a_log_of_another_objective_keeps_its_rows_by_name(tmp_path):
    state = tiny_state()
    run = train(tmp_path / "run", state, steps=3)
    old = rows(run)
    other = Objective({"adversarial": "vanilla", "ssim": {"type": "l2"}})
    with pytest.warns(GanBlocksWarning, match="loses them: loss_g_l1"):
        train(tmp_path / "run", state, other, steps=5)
    new = rows(run)
    assert [row["step"] for row in new] == ["1", "2", "3", "4", "5"]
    assert [row["loss_g_ssim"] for row in new[:3]] == ["", "", ""]
    assert [row["d_real"] for row in new[:3]] == [row["d_real"] for row in old]


class Mixed(Stripes):
    """Pictures of two sizes."""

    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return (a, b, name) if index % 2 else (a[:, :12], b[:, :12], name)


@pytest.mark.filterwarnings("ignore:the generator.s batch norm")
def test_whole_pictures_of_several_sizes(tmp_path):
    mixed = {"train_set": Mixed(), "val_set": Mixed(2), "epochs": 1}
    run = train(tmp_path / "run", tiny_state(), **mixed)
    assert list(run.samples.iterdir())
    with pytest.raises(DataError, match="differ in size: 1.×16 .*batch_size=1") as caught:
        train(tmp_path / "other", tiny_state(), **mixed, batch_size=3)
    assert caught.value.see == "sizes-must-match"


def test_weights_are_for_all_who_may_read_the_folder(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=1)
    modes = {path.stat().st_mode for path in run.path.iterdir() if path.is_file()}
    assert len(modes) == 1


def test_a_grid_that_fails_leaves_the_weights(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("ganblocks.training.loop.sample_grid", fail)
    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "run", tiny_state(), steps=1)
    assert load(tmp_path / "run")


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_rehearsal_looks_at_the_target(side):
    sample = {"a": torch.zeros(3, 16, 16), "b": torch.zeros(3, 16, 16), "name": "x"}
    sample[side] = torch.zeros(3, 14, 16)
    with pytest.raises(ShapeError, match="one size"):
        rehearse(tiny_state(), sample, "b2a")


def test_resuming_with_all_that_remembers_and_draws(tmp_path):
    terms = {
        "a": "hinge",
        "l1": {"type": "l1", "weight": 10},
        "lecam": {"type": "lecam", "every": 3},
        "gp": {"type": "wgan_gp", "scalar": "logit", "every": 2},
        "cr": {"type": "consistency", "sides": "both"},
    }
    options = {"direction": "b2a", "epochs": 4, "progress": False, "checkpoint_every": 5}
    options["augment"] = DiffAugment()
    states, memories = [], []
    for folder, stops in (("whole", [11]), ("parts", [5, 11])):
        for stop in stops:
            state, objective = tiny_state(seed=len(states)), Objective(terms)
            path = tmp_path / folder
            if stop == stops[0]:
                state = tiny_state()
                run = RunFolder.create(path, {"generator": spec_of(state.generator)})
            else:
                run = RunFolder.open(path)
                saved = run.load_state()
                state.load_state_dict(saved)
                objective.load_memory(saved["objective"])
            fit(state, objective, Stripes(), Stripes(2), run, steps=stop, **options)
        states.append(state)
        memories.append(objective.memory())
    for network in ("generator", "discriminator"):
        whole, parts = (getattr(state, network).state_dict() for state in states)
        assert all(torch.equal(parts[key], value) for key, value in whole.items())
    assert all(torch.equal(memories[1][key], value) for key, value in memories[0].items())
    assert memories[0]["modules_by_name.lecam.calls"] > 1
