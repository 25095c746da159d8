"""The objective: its totals, its errors, and its spec."""

import json

import pytest
import torch
from torch import nn

from ganblocks import (
    L1Loss,
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    R1Penalty,
    Registry,
    UNetGenerator,
    Updater,
)
from ganblocks.errors import OptionError, SpecError
from ganblocks.losses.schedule import weight_at

TERMS = {
    "adversarial": {"type": "hinge", "weight": 2.0},
    "l1": {"type": "l1", "weight": [[0, 0.0], [10, 100.0]]},
    "matching": {"type": "feature_matching", "weight": 10},
    "r1": {"type": "r1", "weight": 5.0, "interval": 4},
}


@pytest.fixture
def parts():
    torch.manual_seed(0)
    critic = PatchDiscriminator(3, base_channels=4, n_layers=1)
    output, target = torch.rand(2, 1, 3, 32, 32)
    return critic, output.requires_grad_(), target


def test_the_total_is_the_sum_of_weighted_terms(parts):
    critic, output, target = parts
    objective = Objective(TERMS, discriminator_weight=0.5)
    loss_terms = objective.generator(
        critic(output), fake=output, target=target, features=critic.features, step=5
    )
    assert list(loss_terms.raw) == ["adversarial", "l1", "matching"] == objective.generator_terms
    weights = {"adversarial": 2.0, "l1": 50.0, "matching": 10.0}
    for name, weight in weights.items():
        assert loss_terms.weighted[name].item() == pytest.approx(
            weight * loss_terms.raw[name].item()
        )
    assert loss_terms.raw["adversarial"].item() == pytest.approx(
        -critic(output).mean().item(), rel=1e-5
    )
    assert loss_terms.raw["l1"].item() == pytest.approx((output - target).abs().mean().item())
    assert loss_terms.total().item() == pytest.approx(
        sum(v.item() for v in loss_terms.weighted.values())
    )


def test_it_is_built_without_reading_the_installed_packages(monkeypatch):
    def read():
        raise AssertionError("packages_distributions() takes half a second")

    monkeypatch.setattr("ganblocks.description.packages_distributions", read)
    assert list(Objective(TERMS).weights) == list(TERMS)


def test_the_discriminator_terms_and_a_lazy_penalty(parts):
    critic, output, target = parts
    objective = Objective(TERMS, discriminator_weight=0.5)
    assert objective.penalties == ["r1"]
    real, fake = critic(target), critic(output.detach())
    inputs = {"discriminator": critic, "real": target, "fake": output.detach()}
    for step, expected in [(0, True), (1, False), (4, True)]:
        loss_terms = objective.discriminator(real, fake, step=step, **inputs)
        assert ("r1" in loss_terms.raw) == expected
        total = 0.5 * loss_terms.raw["adversarial"] + (
            5.0 * 4 * loss_terms.raw["r1"] if expected else 0
        )
        assert loss_terms.total().item() == pytest.approx(total.item())
    with pytest.raises(OptionError, match="penalty 'r1' runs the discriminator itself"):
        objective.discriminator(real, fake)


def test_the_spec_is_json_and_builds_it_again(parts):
    critic, output, target = parts
    objective = Objective(TERMS, discriminator_weight=0.5)
    again = Objective(**json.loads(json.dumps(objective.spec)))
    assert again.spec == objective.spec
    assert again.spec["terms"]["r1"] == {
        "type": "r1",
        "scalar": "sum",
        "interval": 4,
        "weight": 5.0,
    }
    totals = [
        o.generator(
            critic(output), fake=output, target=target, features=critic.features, step=7
        ).total()
        for o in (objective, again)
    ]
    assert totals[0] == totals[1]


class NoGrad(nn.Module):
    """A widely copied defect: a perceptual loss without a gradient."""

    def forward(self, output, target):
        with torch.no_grad():
            return (output.square() - target.square()).abs().mean()


class OwnWeights(nn.Module):
    """Has a gradient to its own parameter, but not to the output."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, output, target):
        return self.scale * (output.detach() - target).abs().mean()


@pytest.mark.parametrize("defect", [NoGrad(), OwnWeights()], ids=lambda x: type(x).__name__)
def test_a_term_without_gradient_to_the_generator_is_refused(parts, defect):
    critic, output, target = parts
    objective = Objective({"adversarial": "vanilla", "mine": {"loss": defect, "weight": 10}})
    with pytest.raises(OptionError, match="'mine' has no gradient to the generator's output"):
        objective.generator(critic(output), fake=output, target=target)
    with torch.no_grad():  # only the value is needed
        loss_terms = objective.generator(critic(output), fake=output.detach(), target=target)
    assert loss_terms.raw["mine"] > 0


def test_every_registered_term_reaches_the_generator():
    from ganblocks import ADVERSARIAL_LOSSES, FEATURE_LOSSES, RECONSTRUCTION_LOSSES

    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=2, num_downs=3)
    critic = PatchDiscriminator(3, base_channels=2, n_layers=1)
    target = torch.rand(1, 3, 176, 176)
    output = generator(torch.rand(1, 3, 176, 176))
    names = [*ADVERSARIAL_LOSSES.names(), *RECONSTRUCTION_LOSSES.names(), *FEATURE_LOSSES.names()]
    objective = Objective({name: name for name in names})
    assert objective.needs_real_logits
    loss_terms = objective.generator(
        critic(output), critic(target), fake=output, target=target, features=critic.features
    )
    for name, value in loss_terms.raw.items():
        (gradient,) = torch.autograd.grad(
            value, generator.down[0].conv.weight, retain_graph=True, allow_unused=True
        )
        assert gradient is not None, name
        assert gradient.abs().sum() > 0, name


def test_the_state_of_a_term_is_saved():
    first, second = (Objective({"a": "hinge", "lecam": "lecam"}) for _ in range(2))
    logits = torch.randn(2, 1, 1, 4, 4)
    inputs = {"discriminator": lambda x: x, "real": logits[0], "fake": logits[1]}
    first.discriminator(*logits, **inputs)
    assert first.modules_by_name["lecam"].calls == 1
    assert second.modules_by_name["lecam"].calls == 0
    second.load_state_dict(first.state_dict())
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "an objective needs a term"),
        ({"l1": "l7"}, "the term 'l1': unknown type of loss 'l7'"),
        ({"l1": {"type": "l1", "weight": "10"}}, "weight of the term 'l1' is '10'"),
        ({"l1": {"type": "l1", "weight": [[5, 1.0], [5, 2.0]]}}, "increasing steps"),
        ({"l1": {"type": "l1", "weigth": 10}}, "weigth"),
        ({"l1": L1Loss()}, "write a name, a spec such as"),
        ({"l1": {"loss": L1Loss(), "interval": 2}}, r"\['interval'\] cannot change"),
        ({"l1": {"loss": 3}}, "pass an object of a subclass"),
        ({"loss.g": "l1"}, "write an identifier such as 'l1'"),
        ({"update": "l1"}, "cannot be called 'update'"),
        ({"training": "l1"}, "cannot be called 'training'"),
        ({"l1": {"type": ["l1"]}}, "has the type"),
        ({"l1": {"type": "l1", "wieght": 10}}, "did you mean 'weight'"),
        ("vanilla", "terms is 'vanilla'"),
    ],
)
def test_invalid_terms(terms, message):
    with pytest.raises(OptionError, match=message):
        Objective(terms)


def test_a_term_may_be_an_object():
    objective = Objective({"gan": "lsgan", "r1": {"loss": R1Penalty(interval=2), "weight": 3}})
    assert objective.spec["terms"]["r1"]["interval"] == 2


def test_schedules_are_piecewise_linear():
    points = [[10, 1.0], [20, 3.0], [40, 0.0]]
    actual = [weight_at(points, step) for step in (0, 10, 15, 20, 30, 40, 99)]
    assert actual == [1.0, 1.0, 2.0, 3.0, 1.5, 0.0, 0.0]
    assert weight_at(7, 1000) == 7.0


@pytest.mark.parametrize("value", [0.25, torch.ones(1, 1), None])
def test_a_term_that_is_no_scalar_raises(parts, value):
    critic, output, target = parts

    class Odd(nn.Module):
        def forward(self, output, target):
            return value

    objective = Objective({"mine": {"loss": Odd()}})
    with pytest.raises(OptionError, match="the term 'mine' (is|has) .*a scalar tensor"):
        objective.generator(critic(output), fake=output, target=target)


def test_a_term_of_weight_zero_is_logged_and_not_in_the_total(parts):
    critic, output, target = parts

    class Infinite(nn.Module):
        def forward(self, output, target):
            return output.sum() * float("inf")

    terms = {"l1": "l1", "off": {"loss": Infinite(), "weight": 0}}
    loss_terms = Objective(terms).generator(critic(output), fake=output, target=target)
    assert loss_terms.total() == loss_terms.raw["l1"]
    assert loss_terms.raw["off"].isinf()


def test_schedule_points_are_copied():
    points = [(0, 1.0), (10, 2.0)]
    objective = Objective({"a": {"type": "vanilla", "weight": points}})
    points.append((20, 9.0))
    assert json.loads(json.dumps(objective.spec)) == objective.spec
    assert objective.spec["terms"]["a"]["weight"] == [[0, 1.0], [10, 2.0]]


def test_a_loss_with_an_argument_called_weight_has_no_spec():
    registry = Registry("own losses")

    @registry.register("weighty")
    class Weighty(nn.Module):
        """Takes a weight."""

        def __init__(self, weight=1.0):
            super().__init__()

    objective = Objective({"mine": {"loss": registry.build("weighty", weight=5.0)}})
    with pytest.raises(SpecError, match="argument called 'weight'"):
        _ = objective.spec


class CodebookLoss(nn.Module):
    """Pulls code vectors, which the output does not depend on, as VQ-GAN does."""

    reaches_output = False

    def __init__(self, generator):
        super().__init__()
        self.read = lambda: generator.codes.square().mean()

    def forward(self, output, target):
        return self.read()


class Codes(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 1)
        self.codes = nn.Parameter(torch.ones(4))


def test_a_term_that_trains_a_codebook_says_so():
    generator = Codes()
    loss = CodebookLoss(generator)
    objective = Objective({"l1": "l1", "codebook": {"loss": loss}})
    task = PairedTranslation(generator, PatchDiscriminator(6, base_channels=4), objective)
    images = torch.rand(2, 1, 3, 32, 32)
    before = generator.codes.detach().clone()
    Updater(task).step({"source": images[0], "target": images[1]})
    assert (generator.codes < before).all()
    loss.reaches_output = True
    objective = Objective({"codebook": {"loss": loss}})
    fake = torch.zeros(1, 3, 8, 8, requires_grad=True)
    with pytest.raises(OptionError, match="has the attribute reaches_output = False"):
        objective.generator(fake=fake, target=fake.detach())
    loss.reaches_output, loss.read = False, lambda: torch.tensor(1.0)
    with pytest.raises(OptionError, match="'codebook' has no gradient"):
        objective.generator(fake=fake, target=fake.detach())


@pytest.mark.parametrize(
    "wrong",
    [
        {"adversarial": "vanilla"},
        {"terms": {"gan": "hinge"}, "discriminator_wight": 1},
        {1: 2},
        {},
        "hinge",
        ["hinge"],
        None,
    ],
)
def test_a_dict_that_is_no_spec_of_an_objective(wrong):
    with pytest.raises(OptionError, match=r"write Objective\(terms\)"):
        Objective.of(wrong)
    with pytest.raises(OptionError, match=r"write Objective\(terms\)|pass an Objective or a map"):
        PairedTranslation(Codes(), PatchDiscriminator(6, base_channels=4), wrong)


def test_an_objective_of_an_objective_or_its_spec():
    objective = Objective(TERMS, discriminator_weight=0.5)
    assert Objective.of(objective) is objective
    assert Objective.of(objective.spec).spec == objective.spec
