"""A player whose gradient is not finite stays where it is, and the others move."""

import copy

import pytest
import torch
from tiny import batch, tiny_updater

from ganblocks import Objective, PatchDiscriminator, UNetGenerator
from ganblocks.training.optimizers import step_unless


class Breaks(torch.nn.Module):
    """An L1 whose gradient, or value, is not finite while it is on."""

    def __init__(self, how):
        super().__init__()
        self.how, self.on = how, False

    def forward(self, output, target):
        value = (output - target).abs().mean()
        if not self.on:
            return value
        return value * float("nan") if self.how == "value" else value + (output * 0).sqrt().sum()


MOMENTUM = {"type": "sgd", "lr": 0.1, "momentum": 0.9}


def name_of(value):
    """A name that is the same in every process."""
    return getattr(value, "__name__", str(value))


def plain_sgd(parameters):
    """An optimizer that reads no flag of the device."""
    return torch.optim.SGD(parameters, 0.1, momentum=0.9)


def held_by(updater, player):
    """Weights and moments of a player."""
    held = dict(updater.task.network(player).named_parameters())
    for index, entry in enumerate(updater.optimizers[player].state.values()):
        held |= {f"{index}.{k}": v for k, v in entry.items() if v is not None}
    return copy.deepcopy(held)


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], v) for k, v in theirs.items())


def breaking(how, **options):
    term = Breaks(how)
    objective = Objective({"a": "vanilla", "l1": {"loss": term}})
    return term, tiny_updater(objective=objective, **options)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", MOMENTUM, plain_sgd], ids=name_of)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", ["value", "gradient"])
def test_only_the_player_concerned_stays_where_it_is(how, first, optimizer):
    term, updater = breaking(how, optimizer=optimizer, ema=0.5)
    if not first:
        updater.step(batch())
    g, d = held_by(updater, "generator"), held_by(updater, "discriminator")
    term.on = True
    row = updater.step(batch())
    assert (row["skipped_g"], row["skipped_d"]) == (1, 0)
    assert row["loss_d"].isfinite()
    now = held_by(updater, "generator")
    if first:  # moments that were made in the step itself are as new
        now = {k: v for k, v in now.items() if k in g or v.count_nonzero()}
    assert same(now, g)
    assert not same(held_by(updater, "discriminator"), d)
    term.on = False
    row = updater.step(batch())
    assert (row["skipped_g"], row["skipped_d"]) == (0, 0)
    assert not same(held_by(updater, "generator"), g)
    average = updater.averages["generator"].network
    assert all(p.isfinite().all() for p in average.parameters())


def test_the_discriminator_alone():
    updater = tiny_updater()
    weight = updater.task.discriminator.blocks[0].conv.weight
    weight.register_hook(lambda gradient: gradient * float("inf"))
    d, g = held_by(updater, "discriminator"), held_by(updater, "generator")
    row = updater.step(batch())
    assert (row["skipped_d"], row["skipped_g"]) == (1, 0)
    now = held_by(updater, "discriminator")
    assert same({key: now[key] for key in d}, d)
    assert not same(held_by(updater, "generator"), g)


def test_a_step_after_a_skipped_one_is_the_one_that_would_have_been():
    """The sequence good, bad, good ends where good, good ends, for the player that was left."""
    held = []
    for pattern in ([False, True, False], [False, False]):
        torch.manual_seed(0)
        term, updater = breaking(
            "value",
            generator=UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
            discriminator_optimizer={"type": "sgd", "lr": 0.0},
        )
        for bad in pattern:
            term.on = bad
            updater.step(batch())
        held.append(held_by(updater, "generator"))
    assert same(*held)


def test_a_picture_that_is_not_finite_moves_nobody():
    updater = tiny_updater()
    g, d = held_by(updater, "generator"), held_by(updater, "discriminator")
    row = updater.step({**batch(), "source": torch.full((1, 3, 16, 16), float("nan"))})
    assert row["skipped_g"] == row["skipped_d"] == 1
    for before, player in [(g, "generator"), (d, "discriminator")]:
        now = held_by(updater, player)
        assert same({key: now[key] for key in before}, before)


def test_a_frozen_discriminator_rests():
    updater = tiny_updater(
        discriminator=PatchDiscriminator(
            6, base_channels=4, n_layers=1, norm="none"
        ).requires_grad_(False),
        generator=UNetGenerator(base_channels=4, num_downs=3, norm="none"),
    )
    before = copy.deepcopy(updater.task.discriminator.state_dict())
    row = updater.step(batch())
    assert row["skipped_g"] == 0
    assert "skipped_d" not in row
    assert same(updater.task.discriminator.state_dict(), before)


@pytest.mark.parametrize("bad", [True, False])
def test_a_layer_that_begins_to_learn(bad):
    """Its moments are made in the step itself; if that one fails they are as new."""
    term, updater = breaking("value")
    first = updater.task.generator.down[0].conv
    first.requires_grad_(False)
    updater.step(batch())
    first.requires_grad_(True)
    before = held_by(updater, "generator")
    term.on = bad
    assert updater.step(batch())["skipped_g"] == bad
    after = held_by(updater, "generator")
    weights = dict(updater.task.generator.named_parameters())
    assert all(torch.equal(after[key], before[key]) for key in weights) == bad
    moments = updater.optimizers["generator"].state.get(first.weight, {})
    if bad:
        assert not any(value.count_nonzero() for value in moments.values())
    else:
        assert moments["step"] == 1
        assert moments["exp_avg"].count_nonzero()


def test_a_fused_optimizer_whose_first_step_fails_begins_with_the_next():
    term, updater = breaking("value", optimizer=MOMENTUM)
    optimizer = updater.optimizers["generator"]
    term.on = True
    updater.step(batch())
    term.on = False
    updater.step(batch())
    for parameter in updater.task.generator.parameters():
        # That of the first step: neither a NaN, nor a moment of nothing beside it.
        assert torch.equal(optimizer.state[parameter]["momentum_buffer"], parameter.grad)


class Waits(torch.Tensor):
    """A flag that the device would have to be waited for."""

    def __bool__(self):
        raise AssertionError("it was waited for")


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("failed", [True, False])
def test_a_fused_optimizer_gets_the_flag_and_nothing_is_waited_for(name, failed):
    updater = tiny_updater(optimizer=name)
    optimizer = updater.optimizers["generator"]
    assert optimizer.defaults["fused"]
    for parameter in updater.task.generator.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = held_by(updater, "generator")
    found = []
    optimizer.register_step_pre_hook(lambda opt, *_: found.append(opt.found_inf.item()))
    step_unless(optimizer, torch.tensor(failed).as_subclass(Waits))
    assert found == [float(failed)]
    now = held_by(updater, "generator")
    assert all(torch.equal(now[key], value) for key, value in before.items()) == failed
    assert not hasattr(optimizer, "found_inf")  # torch's own scalers set it anew


def test_a_whole_step_asks_no_tensor_for_its_value(monkeypatch):
    updater = tiny_updater(ema=0.9, clip_norm=1.0)
    updater.step(batch())

    def waits(*_):
        raise AssertionError("it was waited for")

    for name in ("__bool__", "item", "tolist", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, waits)
    row = updater.step(batch())
    monkeypatch.undo()
    assert row["skipped_g"] == 0
