"""Paired translation: what each player is shown, which sizes fit, and what is refused."""

import copy
from statistics import fmean

import pytest
import torch
import torch.nn.functional as F
from tiny import LOSSES, batch, tiny_task, tiny_updater
from torch import nn

from ganblocks import (
    FEATURE_LOSSES,
    GanBlocksError,
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    PerceptualLoss,
    UNetGenerator,
    Updater,
)
from ganblocks.augment import Augmentation
from ganblocks.errors import DataError, OptionError, RunError, ShapeError
from ganblocks.losses import StyleLoss
from ganblocks.training import dry_run

SGD = {"type": "sgd", "lr": 0.01}  # Adam would blow rounding up


def plain_step(generator, discriminator, opt_g, opt_d, source, target, weight_l1, bce=True):
    """The alternating update as the port writes it."""

    def criterion(logits, real):
        wanted = torch.full_like(logits, float(real))
        return (F.binary_cross_entropy_with_logits if bce else F.mse_loss)(logits, wanted)

    fake = generator(source)
    pred_fake = discriminator(torch.cat((source, fake.detach()), 1))
    pred_real = discriminator(torch.cat((source, target), 1))
    loss_d = (criterion(pred_fake, False) + criterion(pred_real, True)) * 0.5
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = criterion(discriminator(torch.cat((source, fake), 1)), True)
    loss_l1 = F.l1_loss(fake, target)
    opt_g.zero_grad()
    (loss_g + weight_l1 * loss_l1).backward()
    opt_g.step()
    return {
        "d_real": pred_real.mean(),
        "d_fake": pred_fake.mean(),
        "loss_d": loss_d,
        "loss_g": loss_g + weight_l1 * loss_l1,
        "loss_g_adversarial": loss_g,
        "loss_g_l1": loss_l1,
    }


@pytest.mark.parametrize(("adversarial", "bce"), [("vanilla", True), ("lsgan", False)])
def test_losses_and_weights_equal_the_ports_script(adversarial, bce):
    losses = Objective(
        {"adversarial": adversarial, "l1": {"type": "l1", "weight": 10.0}},
        discriminator_weight=0.5,
    )
    task = tiny_task(objective=losses, optimizer=SGD).double()
    g, d = copy.deepcopy(task.generator), copy.deepcopy(task.discriminator)
    opt_g, opt_d = (torch.optim.SGD(m.parameters(), lr=0.01) for m in (g, d))
    updater = Updater(task)
    for step in range(3):
        given = batch(2, seed=step, dtype=torch.float64)
        torch.manual_seed(step)
        ours = updater.step(given)
        torch.manual_seed(step)
        plain = plain_step(g, d, opt_g, opt_d, given["source"], given["target"], 10.0, bce)
        assert ours["skipped_d"] == ours["skipped_g"] == 0
        for name in plain:
            assert ours[name].item() == pytest.approx(plain[name].item(), rel=1e-9), name
    for mine, theirs in [(task.generator, g), (task.discriminator, d)]:
        pairs = zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True)
        assert all(torch.allclose(a.double(), b.double(), rtol=1e-7) for a, b in pairs)
    assert updater.steps == 3


class Recording(PatchDiscriminator):
    """Notes what it is shown, and in which role."""

    def __init__(self, in_channels=6):
        super().__init__(in_channels, base_channels=4, n_layers=1, norm="none")
        self.seen = []

    def forward(self, x):
        self.seen.append(("logits", x.detach().clone()))
        return super().features(x)[-1]

    def features(self, x):
        self.seen.append(("features", x.detach().clone()))
        return super().features(x)


class Brighter(Augmentation):
    """Adds 1 to everything, so that what was varied can be told from what was not."""

    def _augment(self, images):
        return tuple(x + 1 for x in images)


def still(terms, discriminator=None, **options):
    """Returns an updater whose networks do not move, and draw nothing."""
    torch.manual_seed(0)
    parts = UNetGenerator(base_channels=4, num_downs=3), discriminator or Recording()
    return Updater(
        PairedTranslation(*parts, Objective(terms), optimizer={"type": "sgd", "lr": 0.0}, **options)
    )


def shows(x, *images, tolerance=1e-5):
    return torch.allclose(x, torch.cat(images, 1), atol=tolerance)


@pytest.mark.parametrize("augment", [None, Brighter()])
def test_who_sees_what(augment):
    terms = {"a": "rpgan", "r1": "r1", "matching": "feature_matching", "l1": "l1"}
    updater = still(terms, augment=augment)
    source, target = batch()["source"], batch()["target"]
    with torch.no_grad():
        fake = copy.deepcopy(updater.task.generator)(source)
    row = updater.step(batch())
    by = 0 if augment is None else 1
    shown = {"real": (source + by, target + by), "fake": (source + by, fake + by)}
    seen = updater.task.discriminator.seen
    kinds = [kind for kind, _ in seen]
    # D: fake, real, the penalty's real; G: fake, real for the relativistic loss, features of both.
    assert kinds == ["logits"] * 5 + ["features"] * 2
    for (_, x), who in zip(seen, ["fake", "real", "real", "fake", "real"]):
        assert shows(x, *shown[who]), who
    maps = [x for kind, x in seen if kind == "features"]
    # Feature losses see the output itself.
    assert any(shows(x, source, target) for x in maps)
    assert any(shows(x, source, fake) for x in maps)
    assert row["loss_g_l1"].item() == pytest.approx((fake - target).abs().mean().item(), rel=1e-4)


def test_unconditional_the_discriminator_sees_images_alone():
    updater = still({"a": "rpgan", "r1": "r1"}, Recording(3), conditional=False)
    target = batch()["target"]
    updater.step(batch())
    seen = [x for _, x in updater.task.discriminator.seen]
    assert [tuple(x.shape) for x in seen] == [(1, 3, 16, 16)] * 5
    assert [shows(x, target) for x in seen] == [False, True, True, False, True]


def test_a_term_that_starts_late():
    """The discriminator learns from the first step on, before the generator listens to it."""
    terms = {"a": {"type": "vanilla", "start": 2}, "l1": "l1", "r1": {"type": "r1", "start": 1}}
    updater = still(terms)
    seen = updater.task.discriminator.seen
    for step in range(4):
        seen.clear()
        row = updater.step(batch())
        assert "loss_d_a" in row
        assert ("loss_g_a" in row) == (row.get("grad_image_d", 0) > 0) == (step >= 2)
        assert ("loss_d_r1" in row) == (step >= 1)
        # Fake and real, the penalty's real, and the generator's fake: no forward for nothing.
        assert len(seen) == 2 + (step >= 1) + (step >= 2)
        if step < 2:
            assert row["loss_g"] == row["loss_g_l1"]


class Maps(nn.Conv2d):
    def forward(self, x):
        return (super().forward(x),)


@pytest.mark.parametrize("name", FEATURE_LOSSES.names())
def test_feature_losses_train_in_bf16(name):
    torch.manual_seed(0)
    own = {} if name == "feature_matching" else {"features": Maps(3, 4, 3)}
    objective = Objective({"a": "hinge", "f": {"loss": FEATURE_LOSSES.build(name, **own)}})
    row = tiny_updater(objective=objective, precision="bf16").step(batch())
    assert row["loss_g_f"].dtype == torch.float32
    assert row["loss_g_f"] > 0


def test_without_a_term_of_its_own_the_discriminator_rests():
    updater = tiny_updater(objective=Objective({"l1": "l1"}))
    before = copy.deepcopy(updater.task.discriminator.state_dict())
    row = updater.step(batch())
    assert not [name for name in row if name.endswith("_d")]
    trained = dict(updater.task.discriminator.named_parameters())
    assert all(torch.equal(before[name], p) for name, p in trained.items())
    with pytest.raises(OptionError, match="no term for the generator"):
        tiny_updater(objective=Objective({"r1": "r1"})).step(batch())


def test_sizes_and_channels_may_differ_where_nothing_is_shown_side_by_side():
    generator = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2))
    critic = nn.Conv2d(1, 1, 4, 2)
    given = {"source": torch.rand(2, 1, 8, 8), "target": torch.rand(2, 1, 16, 16)}
    task = PairedTranslation(generator, critic, LOSSES, conditional=False)
    assert Updater(task).step(given)["skipped_g"] == 0
    task.conditional = True
    with pytest.raises(ShapeError, match="conditional=False"):
        Updater(task).step(given)


def test_what_does_not_fit():
    source, target = batch()["source"], batch()["target"]
    updater = tiny_updater()
    with pytest.raises(ShapeError, match="out_channels=1"):
        updater.step({"source": source, "target": target[:, :1]})
    with pytest.raises(ShapeError, match="the same size"):
        updater.step({"source": source, "target": target[..., 1:]})
    with pytest.raises(ShapeError, match="out_channels=1, and make both images of a pair"):
        updater.step({"source": source, "target": target[:, :1, :, 1:]})
    objective = Objective({"f": {"loss": PerceptualLoss()}})
    with pytest.raises(OptionError, match="Conv2d has no method `features`"):
        tiny_updater(objective=objective, discriminator=nn.Conv2d(6, 1, 3)).step(batch())


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"conditional": "no"}, "conditional is 'no'"),
        ({"pool_size": -1}, "pool_size is -1"),
        ({"augment": "diff_agument"}, "did you mean 'diff_augment'"),
    ],
)
def test_arguments_that_are_none(argument, message):
    with pytest.raises(GanBlocksError, match=message):
        tiny_task(**argument)


def test_parts_by_their_specs():
    task = PairedTranslation(
        {"type": "unet", "base_channels": 4, "num_downs": 3},
        {"type": "patch", "in_channels": 6, "base_channels": 4, "n_layers": 1},
        LOSSES.spec,
        augment="color",
    )
    assert Updater(task).step(batch())["skipped_g"] == 0
    assert task.objective.spec == LOSSES.spec


def test_the_score_and_a_baseline_that_anyone_can_beat():
    task = tiny_task(generator=UNetGenerator(base_channels=4, num_downs=3)).eval()
    batches = [batch(seed=seed) for seed in range(3)]
    with torch.no_grad():
        off = (task.generator(batches[0]["source"]) - batches[0]["target"]).abs().mean()
        assert task.score(batches[0])["l1"] == pytest.approx(off.item())
    a, b, c = (b["target"] for b in batches)
    expected = fmean(
        (own - (one + other) / 2).abs().mean().item()
        for own, one, other in ((a, b, c), (b, a, c), (c, a, b))
    )
    assert task.baseline(iter(batches))["l1"] == pytest.approx(expected)
    # Pictures of several sizes have no mean but a color, and one picture has no other.
    small, large = sizes = [batch(seed=seed, size=size) for seed, size in enumerate((16, 32))]
    off = fmean(
        (own["target"] - other["target"].mean((2, 3), keepdim=True)).abs().mean().item()
        for own, other in ((small, large), (large, small))
    )
    assert task.baseline(iter(sizes))["l1"] == pytest.approx(off)
    assert task.baseline(iter([small]))["l1"] == pytest.approx(small["target"].abs().mean().item())


def test_the_preview_shows_the_batch_and_what_is_made_of_it():
    given = {**batch(), "weight": torch.ones(1)}
    assert list(tiny_task().preview(given)) == ["source", "target", "fake"]


def memory(updater):
    return updater.local_state()["memory"]


def test_the_memory_of_a_loss_is_part_of_the_state_and_no_network_is():
    network = Maps(3, 4, 3)
    shared = {"p": {"loss": PerceptualLoss(network)}, "s": {"loss": StyleLoss(network)}}
    assert memory(tiny_updater(objective=Objective({"a": "vanilla", **shared}))) == {}
    first, second = (
        tiny_updater(objective=Objective({"a": "hinge", "lecam": "lecam"})) for _ in range(2)
    )
    first.step(batch())
    second.load_state_dict(first.state_dict())
    calls = second.task.objective.modules_by_name["lecam"].calls
    assert calls == 1
    assert memory(second).keys() == memory(first).keys()
    assert all(torch.equal(memory(second)[key], value) for key, value in memory(first).items())
    other = tiny_updater(objective=Objective({"a": "hinge", "other": "lecam"}))
    with pytest.raises(RunError, match=r"lacks 'objective.*real_anchor' in memory"):
        other.load_state_dict(first.state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": torch.rand(3, 32, 32) * 255}, "'source'.* has values from .* to 25"),
        ({"source": torch.full((3, 32, 32), 65535.0)}, "'source'.* from 65535 to 65535: scale"),
        (
            {"target": torch.full((3, 32, 32), float("inf"))},
            "'target'.* has values from inf",
        ),
        (
            {"target": torch.zeros(3, 32, 32, dtype=torch.uint8)},
            "'target'.* is torch.uint8",
        ),
        ({"target": "a picture"}, "'target'.* is list"),
    ],
)
def test_a_sample_that_is_not_images_is_refused_before_training(change, message):
    sample = {"source": torch.zeros(3, 32, 32), "target": torch.zeros(3, 32, 32), "name": "one"}
    updater = Updater(tiny_task())
    dry_run(updater, sample)
    with pytest.raises(DataError, match=message):
        dry_run(updater, {**sample, **change})
    with pytest.raises(DataError, match=r"batch\['target'\] is NoneType"):
        dry_run(updater, {"source": sample["source"], "name": "one"})
