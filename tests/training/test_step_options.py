"""What an updater takes beside its task: clipping, rates, fp16; and the figures of gradients."""

import copy

import pytest
import torch
from tiny import LOSSES, batch, tiny_task, tiny_updater

from ganblocks import Objective, PatchDiscriminator, Player, UNetGenerator, Updater
from ganblocks.errors import OptionError


def players(updater):
    return [("d", updater.task.discriminator), ("g", updater.task.generator)]


def test_clipping_is_torchs_own_for_each_player():
    updater, free = tiny_updater(clip_norm=0.01), tiny_updater()
    rows = []
    for each in (updater, free):
        torch.manual_seed(1)
        rows.append(each.step(batch()))
    for name, network in players(updater):
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        assert norm.item() == pytest.approx(0.01, rel=1e-3)
        assert rows[0][f"grad_norm_{name}"] > 0.01  # the log has the norm before
    assert rows[0]["grad_norm_d"].item() == pytest.approx(rows[1]["grad_norm_d"].item(), rel=1e-6)


def test_the_norms_are_those_of_the_gradients():
    updater = tiny_updater()
    row = updater.step(batch())
    for name, network in players(updater):
        flat = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        assert row[f"grad_norm_{name}"].item() == pytest.approx(flat.norm().item(), rel=1e-5)


def test_the_image_gradients_are_autograds():
    updater = tiny_updater(
        generator=UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
        # The discriminator that judges for the generator is that of before.
        discriminator_optimizer={"type": "sgd", "lr": 0.0},
    )
    g, d = (copy.deepcopy(n) for n in (updater.task.generator, updater.task.discriminator))
    row = updater.step(batch())
    source, target = batch()["source"], batch()["target"]
    fake = g(source).detach().requires_grad_()
    logits = d(torch.cat((source, fake), 1))
    adversarial = torch.nn.functional.softplus(-logits).mean()
    l1 = 100 * (fake - target).abs().mean()
    (of_d,) = torch.autograd.grad(adversarial, fake, retain_graph=True)
    (whole,) = torch.autograd.grad(adversarial + l1, fake)
    assert row["grad_image_d"].item() == pytest.approx(of_d.norm().item(), rel=1e-4)
    assert row["grad_image"].item() == pytest.approx(whole.norm().item(), rel=1e-4)


def test_accuracy_and_spread():
    discriminator = torch.nn.Conv2d(6, 1, 1)
    torch.nn.init.zeros_(discriminator.weight)
    discriminator.weight.data[0, 3] = 1.0  # the image's first channel itself
    target = torch.ones(1, 3, 16, 16)
    updater = tiny_updater(discriminator=discriminator, objective=Objective({"a": "vanilla"}))
    row = updater.step({"source": -target, "target": target})
    assert row["d_accuracy"] == 1.0  # tanh stays below 1
    shown = row["d_real"] - row["d_fake"]
    assert row["d_spread"] >= shown / 2 - 1e-6


def test_two_rates():
    updater = tiny_updater(discriminator_optimizer={"type": "adam", "lr": 4e-3})
    assert updater.learning_rates() == {"lr_d": 4e-3, "lr_g": 1e-3}
    updater.set_lr_factor(0.5)
    assert updater.learning_rates() == {"lr_d": 2e-3, "lr_g": 5e-4}
    updater.set_lr_factor(1.0)  # of the first rate, not of the last
    assert updater.learning_rates() == {"lr_d": 4e-3, "lr_g": 1e-3}
    still = tiny_updater(discriminator_optimizer={"type": "adam", "lr": 0.0})
    before = copy.deepcopy(still.task.discriminator.state_dict())
    still.step(batch())
    for name, parameter in still.task.discriminator.named_parameters():
        assert torch.equal(before[name], parameter)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"clip_norm": float("nan")}, "clip_norm"),
        ({"clip_norm": 0}, "stops all updates: write None"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"precision": "auto"}, "resolve_precision"),
        ({"precision": "bf61"}, "did you mean 'bf16'"),
        ({"ema": 1.0}, "decay is 1.0"),
    ],
)
def test_numbers_out_of_range(arguments, message):
    with pytest.raises(OptionError, match=message):
        Updater(tiny_task(), **arguments)


def test_options_that_have_no_network_to_act_on():
    task = tiny_task()
    task.teacher = torch.nn.Conv2d(3, 3, 1)  # which no player trains
    for names in ((), ("generator", "teacher"), ("generatr",)):
        task.averaged, task.sharded = names, names
        says = f"{', '.join(map(repr, names)) or '.none.'}: write networks .* 'generator', or "
        with pytest.raises(OptionError, match=f"^averaged of PairedTranslation lists {says}ema=No"):
            Updater(task, ema=0.9)
        with pytest.raises(OptionError, match=f"^sharded of PairedTranslation lists {says}shard=F"):
            Updater(task, shard=True)
    task.sharded = ("generator",)
    task.players = {"both": Player("generator", "discriminator")}
    with pytest.raises(OptionError, match="list 'generator', 'discriminator' in sharded"):
        Updater(task, shard=True)
    task.sharded = ("generator", "discriminator")
    with pytest.raises(OptionError, match="sharded lists all networks"):
        Updater(task, shard=True)


def test_fp16_scales_each_players_loss():
    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=4, num_downs=3, dropout=0.0)
    updater, exact = (
        tiny_updater(
            precision=precision,
            generator=copy.deepcopy(generator),
            # It moves while the generator's scale is still being found.
            discriminator_optimizer={"type": "sgd", "lr": 0.0},
        )
        for precision in ("fp16", "fp32")
    )
    before = copy.deepcopy(updater.task.generator.state_dict())
    rows = []
    for _ in range(12):  # the first scales are too large, and are halved
        rows.append(updater.step(batch()))
        if not rows[-1]["skipped_d"] and not rows[-1]["skipped_g"]:
            break
    assert rows[-1]["skipped_d"] == rows[-1]["skipped_g"] == 0
    assert set(updater.scalers) == {"generator", "discriminator"}
    plain = exact.step(batch())
    for name in ("loss_g_l1", "grad_norm_g", "grad_norm_d", "grad_image", "grad_image_d"):
        assert rows[-1][name].item() == pytest.approx(plain[name].item(), rel=0.1), name
    assert not torch.equal(before["down.0.conv.weight"], updater.task.generator.down[0].conv.weight)
    other = tiny_updater(2, precision="fp16", discriminator_optimizer={"type": "sgd", "lr": 0.0})
    other.load_state_dict(updater.state_dict())
    for name, scaler in updater.scalers.items():
        assert other.scalers[name].get_scale() == scaler.get_scale()


def still(**options):
    """Returns an updater whose networks see the same at every step, and do not move."""
    return tiny_updater(
        generator=UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
        discriminator=PatchDiscriminator(6, base_channels=4, n_layers=1, norm="none"),
        optimizer={"type": "sgd", "lr": 0.0},
        **options,
    )


@pytest.mark.parametrize("accumulate", [1, 2])
def test_figures_of_a_lazy_penalty_and_of_the_steps_between_are_comparable(accumulate):
    """The networks stand still: what changes from row to row would be the log's own doing."""
    given = batch(2)
    often, lazy = (
        still(
            objective=Objective(
                {"a": "vanilla", "r1": {"type": "r1", "interval": interval, "weight": 5}},
                discriminator_weight=0.5,
            ),
            accumulate=accumulate,
        )
        for interval in (1, 4)
    )
    plain = [often.step(given) for _ in range(9)]
    rows = [lazy.step(given) for _ in range(9)]
    assert [n for n, row in enumerate(rows) if "loss_d_r1" in row] == [0, 4, 8]
    raw = {row["loss_d_r1"].item() for row in [*plain, rows[0], rows[4], rows[8]]}
    assert len(raw) == 1  # at every step, and free of its interval
    assert len({row["loss_d"].item() for row in rows}) == 1
    assert rows[0]["loss_d"].item() == pytest.approx(0.5 * rows[0]["loss_d_a"].item())
    # A penalty of every step is part of the total: it is there in all rows.
    whole = 0.5 * plain[0]["loss_d_a"] + 5 * plain[0]["loss_d_r1"]
    assert plain[0]["loss_d"].item() == pytest.approx(whole.item(), rel=1e-6)
    # And it pulls: the gradient of a due step has the interval's factor.
    assert rows[0]["grad_norm_d"] > 2 * rows[1]["grad_norm_d"]


def test_schedules_and_penalties_go_by_the_step():
    terms = {
        "a": "hinge",
        "l1": {"type": "l1", "weight": [[0, 0.0], [2, 100.0]]},
        "r1": {"type": "r1", "interval": 2, "weight": [[0, 0.0], [2, 8.0]]},
    }
    updater = still(objective=Objective(terms))
    sizes, due, norms = [], [], []
    for _ in range(3):
        row = updater.step(batch())
        sizes.append(updater.task.generator.down[0].conv.weight.grad.norm().item())
        due.append("loss_d_r1" in row)
        norms.append(row["grad_norm_d"].item())
    assert due == [True, False, True]
    assert sizes[0] < sizes[1] < sizes[2]
    assert norms[0] == pytest.approx(norms[1])  # the weight is still 0
    assert norms[2] > norms[1]


def test_a_step_in_which_all_weights_are_zero():
    objective = Objective({"a": {"type": "vanilla", "weight": [[0, 0.0], [2, 1.0]]}})
    updater = tiny_updater(objective=objective)
    generator = updater.task.generator
    before = {k: v.clone() for k, v in generator.named_parameters()}
    row = updater.step(batch())
    assert "skipped_g" not in row  # it had nothing to move by
    assert all(torch.equal(before[k], p) for k, p in generator.named_parameters())
    assert updater.step(batch())["skipped_g"] == 0
    assert any(not torch.equal(before[k], p) for k, p in generator.named_parameters())


def test_the_figures_are_these():
    row = tiny_updater(objective=LOSSES).step(batch())
    losses = {"loss_d", "loss_d_adversarial", "loss_g", "loss_g_adversarial", "loss_g_l1"}
    norms = {"grad_norm_d", "grad_norm_g", "grad_image", "grad_image_d", "skipped_d", "skipped_g"}
    assert set(row) == losses | norms | {"d_real", "d_fake", "d_spread", "d_accuracy"}
