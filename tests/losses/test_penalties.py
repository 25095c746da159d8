"""Penalties against their closed forms on linear and quadratic critics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from ganblocks import (
    PENALTIES,
    Objective,
    PatchDiscriminator,
    R1Penalty,
    SelfAttention,
    WGANGPPenalty,
)
from ganblocks.augment import Augmentation
from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import DRAGANPenalty, R1R2Penalty, R2Penalty, functional
from ganblocks.losses.penalties.gradients import image_gradient

GRADIENT = ["wgan_gp", "dragan", "r1", "r2", "r1_r2"]


def images(batch=3, seed=0, shape=(2, 4, 5)):
    return np.random.default_rng(seed).normal(size=(2, batch, *shape))


class Linear(torch.nn.Module):
    """Logit k of an image is w_k · x: as many logits as there are weights."""

    def __init__(self, weights):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.from_numpy(weights))

    def forward(self, x):
        return torch.einsum("kchw,bchw->bk", self.weights, x)


def quadratic(x):
    """One logit for each image, ½ ‖x‖², whose gradient is x itself."""
    return x.flatten(1).square().sum(1) / 2


@settings(deadline=None, max_examples=30)
@given(
    batch=st.integers(1, 5),
    logits=st.integers(1, 4),
    seed=st.integers(0, 1000),
    scalar=st.sampled_from(["sum", "mean"]),
    target=st.floats(0, 3),
)
def test_a_linear_critic(batch, logits, seed, scalar, target):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(logits, 2, 4, 5))
    real, fake = (torch.from_numpy(x) for x in images(batch, seed))
    gradient = {"sum": weights.sum(0), "mean": weights.mean(0)}[scalar]
    norm = np.sqrt((gradient**2).sum())
    critic = Linear(weights)
    for penalty, expected in [
        (WGANGPPenalty(scalar=scalar, target=target), (norm - target) ** 2),
        (
            WGANGPPenalty(scalar=scalar, target=target, one_sided=True),
            max(0.0, norm - target) ** 2,
        ),
        (DRAGANPenalty(scalar=scalar, target=target), (norm - target) ** 2),
        (R1Penalty(scalar=scalar), norm**2 / 2),
        (R2Penalty(scalar=scalar), norm**2 / 2),
        (R1R2Penalty(scalar=scalar), norm**2),
    ]:
        assert penalty(critic, real, fake).item() == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_logit_by_logit_on_average():
    """scalar="logit" draws one logit of each image: on average, the mean over all logits."""
    weights = np.random.default_rng(3).normal(size=(4, 2, 4, 5))
    real = torch.from_numpy(images(4000, 3)[0])
    norms = np.sqrt((weights**2).sum((1, 2, 3)))
    torch.manual_seed(0)
    critic = Linear(weights)
    actual = R1Penalty(scalar="logit")(critic, real, real).item()
    assert actual == pytest.approx((norms**2).mean() / 2, rel=0.03)
    actual = WGANGPPenalty(scalar="logit")(critic, real, real).item()
    assert actual == pytest.approx(((norms - 1) ** 2).mean(), rel=0.03)
    gradients = image_gradient(critic, real, "logit").detach().numpy()
    drawn = [np.isclose(gradients, w).all((1, 2, 3)).mean() for w in weights]
    assert sum(drawn) == 1  # every gradient belongs to one logit
    assert min(drawn) > 0.2


def test_logits_of_several_scales_are_drawn_too():
    weights = np.random.default_rng(4).normal(size=(5, 2, 4, 5))
    real = torch.from_numpy(images(2000, 4)[0])
    torch.manual_seed(0)

    def critic(x):
        logits = Linear(weights)(x)
        return [logits[:, :1], logits[:, 1:]]

    gradients = image_gradient(critic, real, "logit").detach().numpy()
    drawn = [np.isclose(gradients, w).all((1, 2, 3)).mean() for w in weights]
    assert sum(drawn) == 1
    assert drawn[0] == pytest.approx(0.5, abs=0.05)  # scales count equally
    mean = image_gradient(critic, real[:1], "mean").detach().numpy()[0]
    np.testing.assert_allclose(mean, (weights[0] + weights[1:].mean(0)) / 2, rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(batch=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_quadratic_critic(batch, seed):
    real, fake = images(batch, seed)
    squares = [(x**2).sum((1, 2, 3)) for x in (real, fake)]
    tensors = [torch.from_numpy(x) for x in (real, fake)]
    for penalty, expected in [
        (R1Penalty(), squares[0].mean() / 2),
        (R2Penalty(), squares[1].mean() / 2),
        (R1R2Penalty(), (squares[0].mean() + squares[1].mean()) / 2),
        (DRAGANPenalty(noise=0.0), ((np.sqrt(squares[0]) - 1) ** 2).mean()),
    ]:
        assert penalty(quadratic, *tensors).item() == pytest.approx(expected, rel=1e-10)
    torch.manual_seed(seed)
    epsilon = torch.rand(batch, 1, 1, 1, dtype=torch.float64).numpy()
    between = epsilon * real + (1 - epsilon) * fake
    expected = ((np.sqrt((between**2).sum((1, 2, 3))) - 1) ** 2).mean()
    torch.manual_seed(seed)
    assert WGANGPPenalty()(quadratic, *tensors).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", GRADIENT)
def test_it_does_not_grow_with_the_batch(name):
    """The same image many times has the penalty of the image, on average over draws."""
    real = torch.from_numpy(images(1)[0])
    arguments = {"noise": 0.0} if name == "dragan" else {}
    penalty = PENALTIES.build(name, **arguments)
    alone = penalty(quadratic, real, real).item()
    for batch in (2, 16):
        many = real.expand(batch, -1, -1, -1)
        assert penalty(quadratic, many, many).item() == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("name", ["r1", "r2", "r1_r2"])
def test_a_batch_has_the_mean_of_its_images(name):
    torch.manual_seed(0)
    critic = PatchDiscriminator(3, base_channels=4, n_layers=2, norm="none").double()
    real, fake = torch.randn(2, 4, 3, 40, 32, dtype=torch.float64)
    penalty = PENALTIES.build(name)
    alone = [penalty(critic, real[i : i + 1], fake[i : i + 1]).item() for i in range(4)]
    assert penalty(critic, real, fake).item() == pytest.approx(np.mean(alone), rel=1e-10)


def test_the_sum_of_a_patch_map_grows_with_its_logits_and_the_mean_does_not():
    torch.manual_seed(0)
    critic = PatchDiscriminator(3, base_channels=4, n_layers=1, norm="none").double()
    small, large = (torch.randn(2, 3, s, s, dtype=torch.float64) for s in (32, 64))
    for scalar, low, high in [("sum", 3, 5.5), ("mean", 0.15, 0.35)]:
        penalty = R1Penalty(scalar=scalar)
        ratio = penalty(critic, large, large) / penalty(critic, small, small)
        assert low < ratio < high


@pytest.mark.parametrize("name", PENALTIES.names())
def test_first_and_second_derivatives(name):
    torch.manual_seed(1)
    convolution = torch.randn(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    real, fake = torch.randn(2, 2, 2, 5, 6, dtype=torch.float64)
    condition = torch.randn(2, 1, 5, 6, dtype=torch.float64)
    penalty = PENALTIES.build(name).double().eval()

    def of(weights):
        def critic(x):
            return torch.nn.functional.conv2d(x, weights).tanh()

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)  # fixes the random draws
            return penalty(critic, real, fake, condition)

    assert torch.autograd.gradcheck(of, convolution)
    assert torch.autograd.gradgradcheck(of, convolution)


@pytest.mark.parametrize("name", GRADIENT)
def test_there_is_no_gradient_with_respect_to_the_condition(name):
    real, fake = (torch.from_numpy(x) for x in images(2, shape=(1, 3, 3)))
    condition = torch.full((2, 1, 3, 3), 2.0, dtype=torch.float64)

    def critic(x):  # the condition's gradient would be 100, the image's is the condition
        return (x[:, :1] * x[:, 1:] + 100 * x[:, :1]).flatten(1).sum(1)

    actual = PENALTIES.build(name)(critic, real, fake, condition).item()
    norm = np.sqrt(9 * 2.0**2)
    expected = {"r1": norm**2 / 2, "r2": norm**2 / 2, "r1_r2": norm**2}.get(name, (norm - 1) ** 2)
    assert actual == pytest.approx(expected)


@pytest.mark.parametrize("name", PENALTIES.names())
def test_lazy_application_is_rescaled(name):
    real, fake = torch.randn(2, 2, 3, 8, 8)
    often, seldom = PENALTIES.build(name).eval(), PENALTIES.build(name, interval=16).eval()
    values = []
    for penalty in (often, seldom):
        torch.manual_seed(3)
        values.append(penalty(lambda x: x.mean((1, 2, 3)), real, fake).item())
    assert values[1] == values[0]  # as logged
    logits = torch.zeros(2, 1)
    objective = Objective({"lazy": {"loss": seldom, "weight": 3}})
    torch.manual_seed(3)
    terms = objective.discriminator(
        logits, logits, discriminator=lambda x: x.mean((1, 2, 3)), real=real, fake=fake
    )
    assert terms.raw["lazy"].item() == pytest.approx(values[0])
    assert terms.total().item() == pytest.approx(3 * 16 * values[0])
    assert [s for s in range(40) if seldom.due(s)] == [0, 16, 32]
    assert all(often.due(step) for step in range(5))


def test_a_zero_gradient_has_a_finite_second_derivative():
    weight = torch.zeros(1, 3, 1, 1, requires_grad=True)
    real = torch.randn(2, 3, 4, 4)
    WGANGPPenalty()(lambda x: torch.nn.functional.conv2d(x, weight), real, real).backward()
    assert weight.grad.isfinite().all()


def test_a_critic_with_attention():
    critic = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), SelfAttention(8), torch.nn.Conv2d(8, 1, 3)
    )
    real, fake = torch.randn(2, 2, 3, 8, 8)
    R1R2Penalty()(critic, real, fake).backward()
    assert critic[0].weight.grad.abs().sum() > 0


def test_the_noise_of_dragan():
    seen = []

    def critic(image):
        seen.append(image.detach())
        return image.flatten(1).sum(1)

    torch.manual_seed(0)
    real = torch.randn(64, 3, 8, 8, dtype=torch.float64) * torch.arange(1, 65).view(-1, 1, 1, 1)
    for distribution in ("normal", "uniform"):
        DRAGANPenalty(distribution=distribution)(critic, real, real)
    normal, uniform = (image - real for image in seen)
    sigma = real.flatten(1).std(1, correction=0)
    torch.testing.assert_close(normal.flatten(1).std(1), sigma / 2, rtol=0.2, atol=0)
    largest = uniform.flatten(1).amax(1) / (0.5 * real.std(correction=0))
    assert uniform.min() >= 0
    assert largest.max() <= 1
    assert 0.4 < largest.mean() < 0.6  # one α for each image
    rms = uniform.square().mean().sqrt() / (0.5 * real.std(correction=0))
    assert rms.item() == pytest.approx(1 / 3, abs=0.05)
    assert DRAGANPenalty().batch_reduction == "mean"
    assert DRAGANPenalty(distribution="uniform").batch_reduction == "whole"


@pytest.mark.parametrize("sides", ["real", "both"])
def test_consistency_is_the_mean_squared_difference_of_the_logits(sides):
    """T halves the contrast and adds ½, so D(x) − D(T(x)) has a closed form."""

    class Halve(Augmentation):
        def _augment(self, images):
            return tuple(x / 2 + 0.5 for x in images)

    weights = np.random.default_rng(5).normal(size=(4, 2, 4, 5))
    real, fake = images(3, 5)
    logits = [np.einsum("kchw,bchw->bk", weights, x) for x in (real, fake)]
    varied = [y / 2 + weights.sum((1, 2, 3)) / 2 for y in logits]
    parts = [((y - v) ** 2).mean() for y, v in zip(logits, varied)]
    penalty = PENALTIES.build("consistency", augmentation=Halve(), sides=sides)
    actual = penalty(Linear(weights), torch.from_numpy(real), torch.from_numpy(fake)).item()
    assert actual == pytest.approx(parts[0] if sides == "real" else sum(parts), rel=1e-12)


def test_consistency_augments_the_condition_with_the_image():
    seen = []

    def critic(x):
        seen.append(x)
        return x.mean((1, 2, 3))

    picture = torch.randn(2, 3, 16, 16)
    penalty = PENALTIES.build("consistency", augmentation="cutout", sides="both")
    value = penalty(critic, picture, picture + 1, picture)
    assert len(seen) == 4
    assert value > 0
    first, varied = seen[:2]
    assert torch.equal(first[:, :3], first[:, 3:])
    assert torch.equal(varied[:, :3], varied[:, 3:])
    assert not torch.equal(first, varied)


@pytest.mark.parametrize("name", PENALTIES.names())
def test_shapes_that_do_not_fit(name):
    penalty = PENALTIES.build(name)
    real = torch.zeros(2, 3, 8, 8)
    with pytest.raises(ShapeError, match="use equal batch sizes"):
        penalty(quadratic, real, real[:1])
    with pytest.raises(ShapeError, match="does not fit"):
        penalty(quadratic, real, real, real[..., 1:])
    with pytest.raises(ShapeError):
        penalty(quadratic, real[:0], real[:0])
    with pytest.raises(OptionError, match="interval is 0"):
        PENALTIES.build(name, interval=0)


class CutOff(torch.nn.Conv2d):
    """Its logits depend on its parameters, but the image is detached."""

    def forward(self, x):
        return super().forward(x.detach())


@pytest.mark.parametrize("name", GRADIENT)
@pytest.mark.parametrize("critic", [lambda x: x.detach().mean((1, 2, 3)), CutOff(3, 1, 3)])
def test_a_critic_without_gradient_to_the_image(name, critic):
    with pytest.raises(OptionError, match="do not depend on the image"):
        PENALTIES.build(name)(critic, *torch.zeros(2, 1, 3, 4, 4))


def test_a_scale_of_constants_is_ignored():
    real = torch.randn(2, 3, 4, 4)
    alone = R1Penalty()(lambda x: x.flatten(1), real, real)
    beside = R1Penalty()(lambda x: [x.flatten(1), torch.zeros(2, 5)], real, real)
    assert beside == alone


def test_one_logit_for_a_whole_batch_raises():
    with pytest.raises(ShapeError, match="logits for each image"):
        R1Penalty()(lambda x: x.mean(), *torch.zeros(2, 3, 3, 4, 4))


@pytest.mark.parametrize("name", PENALTIES.names())
def test_penalties_run_in_full_precision_inside_autocast(name):
    critic = torch.nn.Conv2d(3, 1, 3)
    real, fake = torch.randn(2, 2, 3, 8, 8)
    seen = []
    critic.register_forward_hook(lambda module, inputs, logits: seen.append(logits.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = PENALTIES.build(name)(critic, real.bfloat16(), fake.bfloat16())
    assert {value.dtype, *seen} == {torch.float32}


def test_a_gradient_in_half_precision_does_not_overflow():
    gradient = torch.full((1, 3, 64, 64), 8.0, dtype=torch.float16)
    assert functional.half_squared_norm(gradient).item() == 3 * 64 * 64 * 64 / 2
    assert functional.gradient_norm_penalty(gradient).isfinite()


@pytest.mark.parametrize("name", ["lecam", "consistency"])
def test_scales_count_equally(name):
    real, fake = torch.randn(2, 2, 3, 8, 8)
    torch.manual_seed(0)
    one = PENALTIES.build(name)(lambda x: x.mean(1), real, fake)
    torch.manual_seed(0)
    twice = PENALTIES.build(name)(lambda x: [x.mean(1), x.mean(1)], real, fake)
    assert twice.item() == pytest.approx(one.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("r1", {"scalar": "per_logit"}, "unknown scalar 'per_logit'"),
        ("wgan_gp", {"target": -1}, "target is -1"),
        ("wgan_gp", {"one_sided": 1}, "one_sided is 1"),
        ("dragan", {"noise": -0.5}, "noise is -0.5"),
        ("lecam", {"decay": 2}, "decay is 2"),
        ("consistency", {"sides": "fake"}, "unknown sides 'fake'"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(OptionError, match=message):
        PENALTIES.build(name, **arguments)
