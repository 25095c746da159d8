"""What is not finite is found by name, wherever it is planted, and looking changes nothing."""

import copy

import pytest
import torch
from tiny import assert_equal, batch, tiny_updater
from torch import nn

from ganblocks import ADVERSARIAL_LOSSES, Objective, PatchDiscriminator, UNetGenerator
from ganblocks.augment import Augmentation
from ganblocks.health.tracing import Trace, tensors_in
from ganblocks.losses import Penalty
from ganblocks.training import find_nonfinite
from ganblocks.training.nonfinite import FINITE

NAN, INF = float("nan"), float("inf")


def found(updater, given=None, precision="fp32"):
    return find_nonfinite(updater.task, given or batch(2), precision=precision)


def with_terms(**terms):
    return tiny_updater(objective=Objective(terms))


def set_value(tensor, value):
    with torch.no_grad():
        tensor.view(-1)[0] = value


def test_a_sound_step_is_finite():
    assert found(tiny_updater()) == FINITE
    assert found(tiny_updater(), precision="bf16") == FINITE
    assert found(with_terms(l1="l1")) == FINITE


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("player", "name"), [("generator", "up.1.conv.weight"), ("discriminator", "blocks.0.conv.bias")]
)
def test_a_weight(player, name, value):
    updater = tiny_updater()
    parameter = updater.task.network(player).get_parameter(name)
    set_value(parameter, value)
    words = found(updater)
    assert f"`{player}.{name}`, 1 of its {parameter.numel():,} values" in words
    assert "return to an earlier checkpoint" in words


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_picture(side):
    given = batch(3)
    given[side][2, 1, 4, 4:6] = NAN
    words = found(tiny_updater(), given)
    assert words == f"`{side}[2]` of the batch, 2 of its 768 values"


def test_a_number_beside_the_pictures():
    updater = tiny_updater()
    assert found(updater, {**batch(2), "scale": torch.tensor(2.0)}) == FINITE
    assert found(updater, {**batch(2), "scale": torch.tensor(NAN)}).startswith("`scale` of ")


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
    updater = tiny_updater()
    with torch.no_grad():
        updater.task.network(player).get_submodule(layer).weight.fill_(3e38)
    words = found(updater)
    assert words.startswith(f"the output of `{player}.{layer}` (")
    assert "in float32; its input is finite" in words


def test_an_overflow_of_fp16_alone():
    updater = tiny_updater()
    with torch.no_grad():
        updater.task.generator.down[0].conv.weight.fill_(1e4)
    ones = {key: torch.ones(2, 3, 16, 16) for key in ("source", "target")}
    words = found(updater, ones, precision="fp16")
    assert "`generator.down.0.conv` (" in words
    assert "in float16" in words
    assert found(updater, ones) == FINITE


class DividesByZero(nn.Module):
    """NaN of no module: 0 / 0 in the code between two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        x = self.first(x)
        return self.last((x - x) / (x - x))


def test_what_happens_between_two_modules():
    updater = tiny_updater(generator=DividesByZero())
    words = found(updater)
    assert "`generator.last` (Conv2d)" in words
    assert "its input is already not finite" in words


class Infinite(nn.Module):
    """A term that is infinite at once."""

    def forward(self, output, target):
        return (output - target).abs().mean() * 1e30 * 1e30


class RootOfZero(nn.Module):
    """A term that is finite where its gradient is not: √0."""

    def forward(self, output, target):
        return (0 * (output - target)).square().mean().sqrt()


def test_a_term_of_the_loss():
    words = found(with_terms(adversarial="vanilla", far={"loss": Infinite()}))
    assert (
        words
        == "the term 'far' of the generator is inf, although the outputs of the networks are finite"
    )


@pytest.mark.parametrize("others", [{}, {"adversarial": "vanilla", "l1": "l1"}])
def test_a_gradient_and_the_term_that_it_comes_of(others):
    words = found(with_terms(**others, root={"loss": RootOfZero()}))
    assert words.startswith("the gradient at the output of `generator")
    assert words.endswith("It comes from the term 'root' of the generator") == bool(others)


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
    words = found(tiny_updater(**{player: sick}))
    assert words.startswith(f"the gradient at the output of `{player}.1` (Conv2d), ")
    assert "It comes from" not in words  # every term goes through that layer


def test_buffers_come_last():
    updater = tiny_updater()
    set_value(updater.task.generator.down[1].norm.running_mean, NAN)
    assert "the buffer `generator.down.1.norm.running_mean`" in found(updater)


def everything(updater):
    gradients = {name: p.grad for name, p in updater.task.named_parameters()}
    hooks = [len(m._forward_hooks) for m in updater.task.modules()]
    return copy.deepcopy({"state": updater.state_dict(), "gradients": gradients, "hooks": hooks})


class Noisy(Augmentation):
    def _augment(self, images):
        return tuple(x + 0.1 * torch.randn_like(x) for x in images)


@pytest.mark.parametrize("term", [{"type": "l1"}, {"loss": RootOfZero()}, {"loss": Infinite()}])
def test_looking_changes_nothing(term):
    terms = {"adversarial": "vanilla", "lecam": "lecam", "r1": "r1"}
    updater = tiny_updater(
        generator=UNetGenerator(
            base_channels=4,
            num_downs=3,
            dialect={"type": "port", "dropout_levels": [0]},
            spectral_norm=True,
        ),
        discriminator=PatchDiscriminator(6, base_channels=4, n_layers=1, spectral_norm=True),
        objective=Objective(terms),
        pool_size=2,
        augment=Noisy(),
        ema=0.9,
    )
    updater.step(batch(2))
    objective = Objective({**terms, "more": term})
    objective.load_state_dict(updater.task.objective.state_dict(), strict=False)
    updater.task.objective = objective
    before = everything(updater)
    found(updater)
    assert_equal(everything(updater), before)
    assert updater.steps == 1


def test_it_says_the_same_of_a_step_that_a_training_left_out():
    updater = with_terms(adversarial="vanilla", far={"loss": Infinite()})
    kept = copy.deepcopy(dict(updater.task.generator.named_parameters()))
    assert updater.step(batch(2))["skipped_g"] == 1
    assert "the term 'far'" in found(updater)
    for key, value in updater.task.generator.named_parameters():
        assert torch.equal(value, kept[key])


def test_every_adversarial_loss_can_be_run_again():
    for name in ADVERSARIAL_LOSSES.names():
        assert found(with_terms(adversarial=name, l1="l1")) == FINITE


def test_outputs_of_any_form_are_followed():
    class Scales(nn.Module):
        def forward(self, x):
            return [x, {"far": (x / 0, torch.tensor([1]), None)}]

    trace = Trace()
    network = Scales()
    trace.attach("discriminator", network)
    network(torch.ones(1, 1, 2, 2))
    assert trace.output.startswith("the output of `discriminator` (Scales), 4 of its 4 values")
    assert len(tensors_in(network(torch.ones(1)))) == 2


class Rare(Penalty):
    """A penalty that is NaN, and due at every second step."""

    def __init__(self):
        super().__init__(interval=2)

    def _penalty(self, discriminator, real, fake, condition):
        return discriminator(real).mean() * float("nan")


def test_a_lazy_penalty_is_found_at_the_step_that_it_was_due():
    updater = with_terms(a="vanilla", rare={"loss": Rare()})
    assert updater.step(batch())["skipped_d"] == 1
    assert "the term 'rare' of the discriminator is nan" in found(updater)
    assert updater.step(batch())["skipped_d"] == 0
    assert found(updater) == FINITE
