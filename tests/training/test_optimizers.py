"""Optimizers and schedules by name, of one's own, and what is refused."""

import math

import pytest
import torch
from hypothesis import given, strategies as st
from tiny import batch, tiny_updater
from torch import nn

from ganblocks.errors import OptionError, RegistryError
from ganblocks.training import OPTIMIZERS, SCHEDULES
from ganblocks.training.optimizers import build_optimizer, step_unless
from ganblocks.training.schedules import lr_factor, resolve_schedule


def parameters():
    return nn.Linear(3, 3).parameters()


@pytest.fixture
def registered(monkeypatch):
    """Registries that forget what a test puts in."""
    for registry in (OPTIMIZERS, SCHEDULES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def test_the_names():
    assert OPTIMIZERS.names() == ["adam", "adamw", "sgd"]
    assert SCHEDULES.names() == ["constant", "cosine", "linear"]


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        (
            {"type": "adam", "lr": 0.01, "betas": [0.9, 0.99], "eps": 1e-6, "weight_decay": 0.1},
            lambda p: torch.optim.Adam(p, 0.01, (0.9, 0.99), 1e-6, 0.1, fused=True),
        ),
        ("adam", lambda p: torch.optim.Adam(p, 2e-4, (0.5, 0.999), fused=True)),
        (
            {"type": "adamw", "lr": 0.01, "weight_decay": 0.1},
            lambda p: torch.optim.AdamW(p, 0.01, (0.5, 0.999), weight_decay=0.1, fused=True),
        ),
        (
            {"type": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.1, nesterov=True, fused=True),
        ),
    ],
)
def test_a_spec_is_torchs_optimizer_with_these_numbers(spec, plain):
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 3), nn.Linear(3, 3)
    theirs.load_state_dict(ours.state_dict())
    pairs = [(ours, build_optimizer(spec, ours.parameters())), (theirs, plain(theirs.parameters()))]
    assert pairs[0][1].defaults == pairs[1][1].defaults
    for network, optimizer in pairs:
        for step in range(3):
            optimizer.zero_grad()
            network(torch.full((1, 3), 1.0 + step)).square().sum().backward()
            optimizer.step()
    assert torch.equal(ours.weight, theirs.weight)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_complex_weights_are_trained(name):
    weight = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    optimizer = build_optimizer(name, [weight])
    weight.abs().sum().backward()
    optimizer.step()
    assert (weight.abs() < 1).all()


def test_a_callable_is_taken_as_it_is():
    made = build_optimizer(lambda p: torch.optim.RMSprop(p, 0.5), parameters())
    assert isinstance(made, torch.optim.RMSprop)


def test_a_plug_in_trains_a_player_by_its_name(registered):
    @OPTIMIZERS.register("rms")
    def rms(parameters, *, lr=0.25):
        """Builds RMSprop."""
        return torch.optim.RMSprop(list(parameters), lr)

    updater = tiny_updater(discriminator_optimizer={"type": "rms", "lr": 0.5})
    assert updater.learning_rates() == {"lr_d": 0.5, "lr_g": 1e-3}
    assert updater.step(batch())["skipped_d"] == 0
    assert len(updater.optimizers["discriminator"].state) > 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"type": "adam", "lr": -1.0}, "lr is -1"),
        ({"type": "adam", "lr": math.nan}, "lr is nan"),
        ({"type": "adam", "lr": "1e-4"}, "lr is '1e-4'"),
        ({"type": "adam", "eps": -1}, "eps is -1"),
        ({"type": "adamw", "weight_decay": -1}, "weight_decay is -1"),
        ({"type": "adam", "betas": [0.5]}, r"two numbers in \[0, 1\)"),
        ({"type": "adam", "betas": [0.5, 1.0]}, r"two numbers in \[0, 1\)"),
        ({"type": "adamw", "betas": "high"}, "betas is 'high': pass a list"),
        ({"type": "sgd", "momentum": -0.5}, "momentum is -0.5"),
        ({"type": "sgd", "nesterov": True}, "nesterov=True needs momentum"),
        ({"type": "adam", "momentum": 0.9}, "momentum"),
        (lambda p: None, "returned None for the optimizer"),
    ],
)
def test_what_is_refused(what, message):
    with pytest.raises((OptionError, RegistryError), match=message):
        build_optimizer(what, parameters())


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(RegistryError, match="did you mean 'adam'"):
        build_optimizer("adma", parameters())
    with pytest.raises(RegistryError, match="did you mean 'cosine'"):
        resolve_schedule("cosin")


def test_an_optimizer_of_no_parameters():
    with pytest.raises(OptionError, match="a player have none"):
        build_optimizer("adam", [])


@given(epochs=st.integers(1, 60), name=st.sampled_from(SCHEDULES.names()))
def test_every_schedule_begins_at_most_at_1_and_never_rises(epochs, name):
    schedule = resolve_schedule(name)
    factors = [lr_factor(schedule, epoch, epochs) for epoch in range(epochs)]
    assert factors == sorted(factors, reverse=True)
    assert 0 < factors[-1] <= factors[0] <= 1


def test_a_schedule_of_ones_own(registered):
    @SCHEDULES.register("warm_up")
    def warm_up(epochs=2):
        """Rises at first."""
        return lambda epoch, _: min(1.0, (epoch + 1) / epochs)

    assert resolve_schedule({"type": "warm_up", "epochs": 4})(0, 10) == 0.25
    assert lr_factor(lambda epoch, epochs: epoch / epochs, 5, 10) == 0.5


@pytest.mark.parametrize("factor", [-0.1, math.nan, math.inf, "1", None, True])
def test_a_factor_that_is_none(factor):
    with pytest.raises(OptionError, match="for epoch 3: return a number of at least 0"):
        lr_factor(lambda epoch, epochs: factor, 3, 10)


def test_momentum_begins_at_nothing_whatever_comes_first():
    """A step that is skipped, and a parameter that takes its first gradient later than others."""
    torch.manual_seed(0)
    ours, theirs = nn.Linear(2, 2), nn.Linear(2, 2)
    theirs.load_state_dict(ours.state_dict())
    optimizer = OPTIMIZERS.build({"type": "sgd", "lr": 0.1, "momentum": 0.5}, ours.parameters())
    plain = torch.optim.SGD(theirs.parameters(), 0.1, 0.5, foreach=False)
    ours.weight.grad = torch.full((2, 2), float("inf"))
    step_unless(optimizer, torch.tensor(True))
    for names in (["weight"], ["weight", "bias"], ["weight", "bias"]):
        for name in names:
            for layer in (ours, theirs):
                parameter = getattr(layer, name)
                parameter.grad = torch.ones_like(parameter)
        step_unless(optimizer, torch.tensor(False))
        plain.step()
    for mine, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, expected)
