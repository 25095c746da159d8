"""A step with a gradient that is not finite changes nothing at all."""

import copy

import pytest
import torch
from tiny import LOSSES, tiny_state

from ganblocks import Objective, PatchDiscriminator, TrainState, UNetGenerator, train_step


class Breaks(torch.nn.Module):
    """An L1 whose gradient, or value, is not finite while it is told so."""

    def __init__(self, how):
        super().__init__()
        self.how, self.on = how, False

    def forward(self, output, target):
        value = (output - target).abs().mean()
        if not self.on:
            return value
        return value * float("nan") if self.how == "value" else value + (output * 0).sqrt().sum()


def everything(state):
    flat = {}
    for name, part in state.state_dict().items():
        if name in ("generator", "discriminator"):
            flat |= {f"{name}.{k}": v for k, v in part.items() if v.is_floating_point()}
        if name.startswith("optimizer"):
            for index, entry in part["state"].items():
                flat |= {f"{name}.{index}.{k}": v for k, v in entry.items()}
    return copy.deepcopy(flat)


@pytest.mark.parametrize("optimizer", ["fused", "sgd"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", ["value", "gradient"])
def test_the_generators_half_takes_the_discriminators_back(how, first, optimizer):
    state = tiny_state()
    if optimizer == "sgd":
        options = {"lr": 0.1, "momentum": 0.9}
        state.optimizer_g = torch.optim.SGD(state.generator.parameters(), **options)
        state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), **options)
    term = Breaks(how)
    objective = Objective({"a": "vanilla", "l1": {"loss": term}, "lecam": "lecam"})
    source, target = torch.rand(2, 1, 3, 16, 16)
    if not first:
        train_step(state, source, target, objective)
    before, memory = everything(state), copy.deepcopy(objective.memory())
    term.on = True
    row = train_step(state, source, target, objective)
    assert row["skipped"] == 1
    assert row["loss_d"].isfinite()  # the discriminator's half was sound
    after = everything(state)
    if first:  # an optimiser that has not stepped has no state, or one that is all 0
        after = {k: v for k, v in after.items() if k in before or v.count_nonzero()}
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    floats = {k: v for k, v in memory.items() if v.is_floating_point()}
    assert all(torch.equal(objective.memory()[k], v) for k, v in floats.items())
    term.on = False
    assert train_step(state, source, target, objective)["skipped"] == 0
    changed = everything(state)
    assert any(not torch.equal(changed[k], v) for k, v in before.items() if "discriminator" in k)


def test_a_step_after_a_skipped_one_is_the_one_that_would_have_been():
    """The sequence good, bad, good ends where good, good ends."""
    weights = []
    for pattern in ([False, True, False], [False, False]):
        torch.manual_seed(0)
        state = TrainState(
            UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
            PatchDiscriminator(base_channels=4, n_layers=1),
        )
        term = Breaks("value")
        objective = Objective({"a": "vanilla", "l1": {"loss": term}})
        source, target = torch.rand(2, 1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
        for bad in pattern:
            term.on = bad
            train_step(state, source, target, objective)
        weights.append(everything(state))
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], value) for key, value in weights[1].items())


def test_a_picture_that_is_not_finite():
    state = tiny_state()
    before = everything(state)
    source = torch.full((1, 3, 16, 16), float("nan"))
    row = train_step(state, source, torch.rand(1, 3, 16, 16), LOSSES)
    assert row["skipped"] == 1
    after = everything(state)  # batch norm's running statistics among them
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_a_discriminator_with_nothing_to_keep():
    state = tiny_state()
    state.discriminator = PatchDiscriminator(
        base_channels=4, n_layers=1, norm="none"
    ).requires_grad_(False)
    state.generator = UNetGenerator(base_channels=4, num_downs=3, norm="none")
    images = torch.rand(1, 3, 16, 16)
    assert train_step(state, images, images, Objective({"l1": "l1"}))["skipped"] == 0


@pytest.mark.parametrize("bad", [True, False])
def test_a_layer_that_begins_to_learn(bad):
    """Its moments are made in the step itself, and go again if that one fails."""
    state = tiny_state()
    first = state.discriminator.blocks[0].conv
    first.requires_grad_(False)
    term = Breaks("value")
    objective = Objective({"a": "vanilla", "l1": {"loss": term}})
    source, target = torch.rand(2, 1, 3, 16, 16)
    train_step(state, source, target, objective)
    first.requires_grad_(True)
    before = everything(state)
    term.on = bad
    assert train_step(state, source, target, objective)["skipped"] == bad
    after = everything(state)
    assert all(torch.equal(after[key], value) for key, value in before.items()) == bad
    assert (first.weight in state.optimizer_d.state) != bad


def test_a_fused_optimiser_whose_first_step_fails_begins_with_the_next():
    state = tiny_state()
    options = {"lr": 0.1, "momentum": 0.9, "fused": True}
    state.optimizer_g = torch.optim.SGD(state.generator.parameters(), **options)
    state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), **options)
    term = Breaks("value")
    term.on = True
    objective = Objective({"a": "vanilla", "l1": {"loss": term}})
    source, target = torch.rand(2, 1, 3, 16, 16)
    train_step(state, source, target, objective)
    assert not state.optimizer_g.state
    term.on = False
    train_step(state, source, target, objective)
    for parameter in state.generator.parameters():
        moment = state.optimizer_g.state[parameter]["momentum_buffer"]
        assert torch.equal(moment, parameter.grad)  # that of the first step


def test_a_step_in_which_all_weights_are_zero():
    state = tiny_state()
    before = {k: v.clone() for k, v in state.generator.named_parameters()}
    objective = Objective({"a": {"type": "vanilla", "weight": [[0, 0.0], [2, 1.0]]}})
    images = torch.rand(1, 3, 16, 16)
    assert train_step(state, images, images, objective)["skipped"] == 0
    assert all(torch.equal(before[k], p) for k, p in state.generator.named_parameters())
    train_step(state, images, images, objective)
    assert any(not torch.equal(before[k], p) for k, p in state.generator.named_parameters())
