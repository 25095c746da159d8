"""What is not finite is found by name, wherever it is planted, and looking changes nothing."""

import copy

import pytest
import torch
from tiny import LOSSES, tiny_state
from torch import Tensor, nn

from ganblocks import (
    ADVERSARIAL_LOSSES,
    Augmentation,
    Objective,
    PatchDiscriminator,
    Penalty,
    TrainState,
    UNetGenerator,
    train_step,
)
from ganblocks.training.health import find_nonfinite, nonfinite_finding
from ganblocks.training.health.nonfinite import FINITE, FINITE_FP16
from ganblocks.training.health.tracing import Trace, tensors_in

NAN, INF = float("nan"), float("inf")


def batch(size=2):
    draws = torch.Generator().manual_seed(0)
    return torch.rand(2, size, 3, 16, 16, generator=draws) * 2 - 1


def found(state, objective=LOSSES, precision="fp32", augment=None, pictures=None):
    source, target = batch() if pictures is None else pictures
    return find_nonfinite(state, source, target, objective, precision=precision, augment=augment)


def set_value(tensor, value):
    with torch.no_grad():
        tensor.view(-1)[0] = value


def test_a_sound_step_is_finite():
    assert found(tiny_state()) == FINITE
    assert found(tiny_state(), precision="bf16") == FINITE
    assert found(tiny_state(), Objective({"l1": "l1"})) == FINITE


def test_with_fp16_the_loss_scaler_is_named():
    state = tiny_state()
    state.scalers = {
        name: torch.amp.GradScaler("cpu", init_scale=8.0) for name in ("generator", "discriminator")
    }
    assert found(state, precision="fp16") == FINITE_FP16


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("player", "name"), [("generator", "up.1.conv.weight"), ("discriminator", "blocks.0.conv.bias")]
)
def test_a_weight(player, name, value):
    state = tiny_state()
    parameter = getattr(state, player).get_parameter(name)
    set_value(parameter, value)
    words = found(state)
    assert f"`{player}.{name}`, 1 of its {parameter.numel():,} values" in words
    assert "go back to a checkpoint" in words


@pytest.mark.parametrize(("side", "word"), [(0, "input"), (1, "target")])
def test_a_picture(side, word):
    pictures = batch(3).clone()
    pictures[side, 2, 1, 4, 4:6] = NAN
    words = found(tiny_state(), pictures=pictures)
    assert words == f"{word} picture 2 of the batch, counted from 0: 2 of its 768 values"


@pytest.mark.parametrize(
    ("player", "layer"),
    [
        ("generator", "down.1.conv"),
        ("generator", "up.0.conv"),
        ("discriminator", "blocks.1.conv"),
        ("discriminator", "logits.conv"),
    ],
)
def test_an_overflow_in_a_layer(player, layer):
    state = tiny_state()
    with torch.no_grad():
        getattr(state, player).get_submodule(layer).weight.fill_(3e38)
    words = found(state)
    assert words.startswith(f"the output of `{player}.{layer}` (")
    assert "in float32; its input is finite" in words


def test_an_overflow_of_fp16_alone():
    state = tiny_state()
    with torch.no_grad():
        state.generator.down[0].conv.weight.fill_(1e4)
    words = found(state, precision="fp16", pictures=torch.ones(2, 2, 3, 16, 16))
    assert "`generator.down.0.conv` (" in words
    assert "in float16" in words
    assert found(state, pictures=torch.ones(2, 2, 3, 16, 16)) == FINITE


class DividesByZero(nn.Module):
    """NaN of no module: 0 / 0 in the code between two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        x = self.first(x)
        return self.last((x - x) / (x - x))


def test_what_happens_between_two_modules():
    state = TrainState(DividesByZero(), PatchDiscriminator(base_channels=4, n_layers=1))
    words = found(state)
    assert "`generator.last` (Conv2d)" in words
    assert "its input is not finite already" in words


class Infinite(nn.Module):
    """A term that is infinite at once."""

    def forward(self, output, target):
        return (output - target).abs().mean() * 1e30 * 1e30


class RootOfZero(nn.Module):
    """A term that is finite where its gradient is not: √0."""

    def forward(self, output, target):
        return (0 * (output - target)).square().mean().sqrt()


def test_a_term_of_the_loss():
    terms = {"adversarial": "vanilla", "far": {"loss": Infinite()}}
    words = found(tiny_state(), Objective(terms))
    assert words == "the loss term `loss_g_far` is inf; what the networks gave is finite"


@pytest.mark.parametrize("others", [{}, {"adversarial": "vanilla", "l1": "l1"}])
def test_a_gradient_and_the_term_that_it_comes_of(others):
    words = found(tiny_state(), Objective({**others, "root": {"loss": RootOfZero()}}))
    assert words.startswith("the gradient at the output of `generator")
    assert words.endswith("It comes of the term 'root'")


class Steep(torch.autograd.Function):
    """The input itself, with a gradient that is not finite."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * INF


class SteepLayer(nn.Module):
    def forward(self, x):
        return Steep.apply(x)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_the_gradient_is_followed_back_to_the_layer_before(player):
    torch.manual_seed(0)
    channels = 3 if player == "generator" else 6
    sick = nn.Sequential(
        nn.Conv2d(channels, 4, 1), nn.Conv2d(4, 4, 1), SteepLayer(), nn.Conv2d(4, 3, 1)
    )
    sound = tiny_state()
    networks = {"generator": sound.generator, "discriminator": sound.discriminator, player: sick}
    words = found(TrainState(**networks))
    assert words.startswith(f"the gradient at the output of `{player}.1` (Conv2d), ")
    assert "It comes of" not in words  # every term goes through that layer


def test_buffers_come_last():
    state = tiny_state()
    set_value(state.generator.down[1].norm.running_mean, NAN)
    assert "the buffer `generator.down.1.norm.running_mean`" in found(state)


def everything(state, objective):
    tensors = {
        **{f"g.{k}": v for k, v in state.generator.state_dict().items()},
        **{f"d.{k}": v for k, v in state.discriminator.state_dict().items()},
        **{f"o.{k}": v for k, v in objective.state_dict().items()},
        "random": torch.get_rng_state(),
        "pool draws": state.pool.state_dict()["draws"],
    }
    for name, optimizer in [("g", state.optimizer_g), ("d", state.optimizer_d)]:
        for i, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"adam {name}{i}.{k}": v for k, v in entry.items()}
    for network in (state.generator, state.discriminator):
        for name, p in network.named_parameters():
            tensors[f"gradient {name} {id(network)}"] = p.grad
    for i, row in enumerate(state.pool.stored):
        tensors |= {f"pool {i}.{j}": x for j, x in enumerate(row)}
    return {k: v.clone() if isinstance(v, Tensor) else v for k, v in tensors.items()}


class Noisy(Augmentation):
    def _varied(self, images):
        return tuple(x + 0.1 * torch.randn_like(x) for x in images)


@pytest.mark.parametrize("term", [{"type": "l1"}, {"loss": RootOfZero()}, {"loss": Infinite()}])
def test_looking_changes_nothing(term):
    torch.manual_seed(0)
    state = TrainState(
        UNetGenerator(base_channels=4, num_downs=3, dropout_levels=[0], spectral_norm=True),
        PatchDiscriminator(base_channels=4, n_layers=1, spectral_norm=True),
        pool_size=2,
    )
    terms = {"adversarial": "vanilla", "lecam": "lecam", "r1": "r1"}
    source, target = batch()
    train_step(state, source, target, Objective(terms))
    objective = Objective({**terms, "more": term})
    before = everything(state, objective)
    found(state, objective, augment=Noisy())
    after = everything(state, objective)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert (value is None and after[key] is None) or torch.equal(value, after[key]), key
    assert state.step == 1
    assert not any(m._forward_hooks for m in state.generator.modules())
    assert objective.weights["more"] == 1.0


def test_it_says_the_same_of_a_step_that_a_training_left_out():
    state = tiny_state()
    source, target = batch()
    objective = Objective({"adversarial": "vanilla", "far": {"loss": Infinite()}})
    kept = copy.deepcopy(state.generator.state_dict())
    assert train_step(state, source, target, objective)["skipped"].item() == 1
    assert "`loss_g_far`" in find_nonfinite(state, source, target, objective, precision="fp32")
    for key, value in state.generator.state_dict().items():
        assert torch.equal(value, kept[key])


def test_every_adversarial_loss_can_be_run_again():
    for name in ADVERSARIAL_LOSSES.names():
        assert found(tiny_state(), Objective({"adversarial": name, "l1": "l1"})) == FINITE


def test_the_report_says_term_layer_step_and_knobs():
    finding = nonfinite_finding(120, ["loss_g_l1", "loss_d"], "the output of `generator.up`", 3)
    assert (finding.step, finding.name) == (120, "not-finite")
    for part in (
        "loss_g_l1, loss_d was not finite: the output of `generator.up`.",
        "Both updates of that step were skipped (one of 3 so far)",
        "the weights are those before it",
        *("--lr", "--clip-norm", "--precision", "fp32 or bf16", "picture"),
    ):
        assert part in finding.message
    assert "a gradient was not finite" in nonfinite_finding(1, [], "…", 1).message


def test_outputs_of_any_form_are_followed():
    class Scales(nn.Module):
        def forward(self, x):
            return [x, {"far": (x / 0, torch.tensor([1]), None)}]

    trace = Trace()
    network = Scales()
    trace.follow("discriminator", network)
    network(torch.ones(1, 1, 2, 2))
    assert trace.output.startswith("the output of `discriminator` (Scales), 4 of its 4 values")
    assert len(tensors_in(network(torch.ones(1)))) == 2


class Rare(Penalty):
    """A penalty that is NaN, and due at every second step."""

    def __init__(self):
        super().__init__(every=2)

    def _penalty(self, judge, real, fake, condition):
        return judge(real).mean() * float("nan")


@pytest.mark.parametrize("parts", [1, 2])
def test_a_lazy_penalty_is_found_at_the_step_that_it_was_due(parts):
    state = tiny_state()
    objective = Objective({"a": "vanilla", "rare": {"loss": Rare()}})
    images = torch.rand(2, 3, 16, 16)
    assert train_step(state, images, images, objective)["skipped"] == 1
    options = {"precision": "fp32", "accumulate": parts}
    said = find_nonfinite(state, images, images, objective, step=0, **options)
    assert "loss_d_rare" in said
    assert "is finite now" in find_nonfinite(state, images, images, objective, step=1, **options)


def test_an_update_of_the_discriminator_that_breaks_it():
    state = tiny_state(lr_discriminator=1e30)
    images = torch.rand(1, 3, 16, 16)
    assert train_step(state, images, images, LOSSES)["skipped"] == 1
    before = {k: v.clone() for k, v in state.discriminator.state_dict().items()}
    said = find_nonfinite(state, images, images, LOSSES, precision="fp32", step=0)
    assert said.startswith("after the discriminator's own update, at the rate 1e+30: ")
    assert "`discriminator." in said
    assert all(torch.equal(before[k], v) for k, v in state.discriminator.state_dict().items())
