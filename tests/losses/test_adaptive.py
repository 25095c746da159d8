"""The adaptive weight against its formula, wherever gradients are computed another way."""

import json
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from ganblocks import Objective, Updater
from ganblocks.errors import OptionError
from ganblocks.losses.adaptive import AdaptiveWeight
from ganblocks.tasks import Reconstruction

ADAPTIVE = {"type": "hinge", "weight": "adaptive"}
TERMS = {"gan": ADAPTIVE, "l1": {"type": "l1", "weight": 3.0}, "l2": {"type": "l2", "weight": 2.0}}


def networks(dtype=torch.float64):
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 3, 1))
    critic = nn.Sequential(nn.Conv2d(3, 8, 4, 2), nn.GELU(), nn.Conv2d(8, 1, 4, 2))
    return generator.to(dtype), critic.to(dtype)


def images(size=4, dtype=torch.float64):
    draws = torch.Generator().manual_seed(1)
    return 2 * torch.rand(size, 3, 16, 16, generator=draws, dtype=dtype) - 1


def weighed(objective, generator, critic, image, precision=None, **options):
    """Returns the terms of a reconstruction."""
    with torch.autocast("cpu", precision) if precision else nullcontext():
        fake = generator(image).to(image.dtype)
        logits = critic(fake)
        options = {"last_layer": generator[-1].weight, **options}
        return objective.generator(logits, fake=fake, target=image, **options)


def by_hand(generator, critic, image):
    """λ without clamp, from the gradient at the last weight, which autograd need not reach."""
    with torch.no_grad():
        before = generator[:-1](image)
        fake = generator[-1](before)
    at = fake.clone().requires_grad_()
    l1, l2 = (at - image).abs().mean(), (at - image).square().mean()
    norms = [
        torch.einsum("bohw,bihw->oi", torch.autograd.grad(loss, at)[0], before).norm()
        for loss in (3 * l1 + 2 * l2, -critic(at).mean())
    ]
    return norms[0] / (norms[1] + 1e-4)


@pytest.mark.parametrize(
    ("weight", "factor"), [("adaptive", 1), ({"type": "adaptive", "factor": 0.5}, 0.5)]
)
def test_the_formula(weight, factor):
    objective = Objective({**TERMS, "gan": {"type": "hinge", "weight": weight}})
    generator, critic = networks()
    terms = weighed(objective, generator, critic, images())
    expected = factor * by_hand(generator, critic, images())
    torch.testing.assert_close(terms.metrics["weight_gan"], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.weighted["gan"], expected * terms.raw["gan"])
    assert not terms.metrics["weight_gan"].requires_grad
    terms.total().backward()  # the graph is still there
    torch.manual_seed(0)
    fresh, critic = networks()
    fake = fresh(images())
    l1, l2 = (fake - images()).abs().mean(), (fake - images()).square().mean()
    (3 * l1 + 2 * l2 - expected * critic(fake).mean()).backward()
    for ours, theirs in zip(generator.parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize(("size", "weight"), [(1e-9, 1e4), (0.0, 1e4), (1e9, 0.0)])
def test_a_weight_is_clamped_and_finite(size, weight):
    generator, critic = networks()
    loud = Objective({"gan": ADAPTIVE, "l1": {"type": "l1", "weight": 1000}})
    terms = weighed(loud, generator, lambda x: size * critic(x), images())
    assert terms.metrics["weight_gan"].item() == pytest.approx(weight, abs=1e-3)


@pytest.mark.parametrize(("norms", "ratio"), [((1e5, 1.0), 1e4), ((1e-3, 1e-4), 5.0)])
def test_the_clamp_and_the_epsilon_come_before_the_factor(norms, ratio):
    layer = torch.ones(1, dtype=torch.float64, requires_grad=True)
    weight = AdaptiveWeight(0.5)(*(norm * layer.sum() for norm in norms), layer)
    assert weight.item() == pytest.approx(0.5 * ratio, rel=1e-12)


@pytest.mark.parametrize(("precision", "near"), [(torch.bfloat16, 0.03), (torch.float16, 4e-3)])
@pytest.mark.parametrize(("l1", "size"), [(1, 1), (1000, 1), (1, 1e-3)])
def test_half_precision(precision, near, l1, size):
    """Also where the gradients of l1 are beyond those of fp16, or the critic's below."""
    objective = Objective({"gan": ADAPTIVE, "l1": {"type": "l1", "weight": l1}})
    weights = []
    for used in (torch.float32, precision):
        generator, critic = networks(torch.float32)
        generator[-1].bias.data += 3  # the errors of all pixels have one sign
        generator[0].bias.data += 1
        critic[-1].weight.data *= size
        half = None if used is torch.float32 else used
        terms = weighed(objective, generator, critic, images(dtype=torch.float32), half)
        weights.append(terms.metrics["weight_gan"].item())
    assert 0 < weights[0] < 1e4
    assert weights[1] == pytest.approx(weights[0], rel=near)


def test_without_gradients_the_factor_is_used():
    objective = Objective({**TERMS, "gan": {"type": "hinge", "weight": AdaptiveWeight(0.25)}})
    with torch.no_grad():
        terms = weighed(objective, *networks(), images())
    assert terms.metrics["weight_gan"] == 0.25
    assert terms.weighted["gan"] == 0.25 * terms.raw["gan"]


def test_before_its_start_a_term_has_no_weight():
    objective = Objective({**TERMS, "gan": {**ADAPTIVE, "start": 5}})
    generator, critic = networks()
    early = weighed(objective, generator, critic, images(), last_layer=None, step=4)
    assert "weight_gan" not in early.metrics
    assert "gan" not in early.raw
    assert "weight_gan" in weighed(objective, generator, critic, images(), step=5).metrics


def test_a_schedule_of_the_reconstruction_counts():
    objective = Objective({"gan": ADAPTIVE, "l1": {"type": "l1", "weight": [[0, 1.0], [4, 9.0]]}})
    early, late = (
        weighed(objective, *networks(), images(), step=step).metrics["weight_gan"]
        for step in (0, 2)
    )
    assert late.item() == pytest.approx(5 * early.item(), rel=1e-12)


@pytest.mark.parametrize("weight", ["adaptive", {"type": "adaptive", "factor": 0.5}])
def test_the_spec_builds_it_again(weight):
    objective = Objective({"gan": {"type": "hinge", "weight": weight}, "l1": "l1"})
    spec = json.loads(json.dumps(objective.spec))
    factor = 1.0 if weight == "adaptive" else 0.5
    assert spec["terms"]["gan"]["weight"] == {"type": "adaptive", "factor": factor}
    again = Objective(**spec)
    assert again.weights["gan"] == AdaptiveWeight(factor)
    assert again.spec == objective.spec
    assert again.has_adaptive_weight
    assert not Objective({"l1": "l1"}).has_adaptive_weight


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"gan": ADAPTIVE}, "'gan' has an adaptive weight.*add one such as"),
        ({"gan": ADAPTIVE, "r1": "r1"}, "'gan' has an adaptive weight.*add one such as"),
        ({"gan": ADAPTIVE, "kl": {"type": "network"}}, "'gan' has an adaptive weight"),
        ({"gan": "hinge", "l1": {"type": "l1", "weight": "adaptive"}}, "'l1' has an adaptive"),
        (
            {"gan": "hinge", "l1": "l1", "r1": {"type": "r1", "weight": "adaptive"}},
            "'r1' has an adaptive",
        ),
        ({"gan": {"type": "hinge", "weight": "adaptve"}, "l1": "l1"}, 'or "adaptive" for'),
        (
            {"gan": {"type": "hinge", "weight": {"type": "adaptive", "factor": -1}}},
            "factor.* is -1",
        ),
        ({"gan": {"type": "hinge", "weight": {"type": "adaptive", "fcator": 1}}}, "weight of the"),
        ({"gan": {"type": "hinge", "weight": {"factor": 1}}}, "weight of the term 'gan'"),
        ({"gan": {"type": "hinge", "weight": {"type": "adaptive", "factor": "1"}}}, "factor"),
    ],
)
def test_what_is_no_adaptive_weight(terms, message):
    with pytest.raises(OptionError, match=message):
        Objective(terms)


def test_a_missing_or_foreign_last_layer():
    with pytest.raises(OptionError, match="generator's property `last_layer`"):
        weighed(Objective(TERMS), *networks(), images(), last_layer=None)
    foreign = nn.Parameter(torch.ones(1))
    with pytest.raises(OptionError, match="a loss does not depend on it"):
        weighed(Objective(TERMS), *networks(), images(), last_layer=foreign)
    task = Reconstruction(*networks(torch.float32), Objective(TERMS))
    with pytest.raises(OptionError, match="generator's property `last_layer`"):
        Updater(task).step({"image": images(dtype=torch.float32)})


class Reconstructing(nn.Sequential):
    """Names its last layer."""

    @property
    def last_layer(self):
        return self[-1].weight


def test_a_task_logs_it_and_compiles():
    """From its start it runs backward again, which buffers that were given away would forbid."""
    objective = Objective({**TERMS, "gan": {**ADAPTIVE, "start": 1}})
    rows = []
    for compiled in (False, True):
        generator, critic = networks(torch.float32)
        updater = Updater(Reconstruction(Reconstructing(*generator), critic, objective))
        if compiled:
            updater.compile(backend="aot_eager")
        rows.append([updater.step({"image": images(dtype=torch.float32)}) for _ in range(2)][-1])
    assert 0 < rows[0]["weight_gan"] < 1e4
    for name, value in rows[0].items():
        assert rows[1][name].item() == pytest.approx(value.item(), rel=1e-4), name
