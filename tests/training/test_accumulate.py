"""A batch in parts makes the step of the whole batch, or is refused."""

import re
from pathlib import Path

import pytest
import torch
from tiny import batch, tiny_updater
from torch import nn

from ganblocks import (
    ADVERSARIAL_LOSSES,
    FEATURE_LOSSES,
    PENALTIES,
    RECONSTRUCTION_LOSSES,
    Objective,
    PatchDiscriminator,
    UNetGenerator,
)
from ganblocks.errors import OptionError
from ganblocks.training.micro_batches import split_batch

WHOLE = {"ragan", "lecam"}
MIXED = Objective(
    {
        "a": "lsgan",
        "l1": {"type": "l1", "weight": 10},
        "r1": {"type": "r1", "scalar": "mean"},
        "features": "feature_matching",
    }
)


def exact_updater(objective, accumulate=1, **options):
    """Networks whose gradients do not depend on who is in the batch, in double precision."""
    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=4, num_downs=3, norm="instance", dropout=0.0)
    discriminator = PatchDiscriminator(6, base_channels=4, n_layers=1, norm="instance")
    return tiny_updater(
        generator=generator.double(),
        discriminator=discriminator.double(),
        objective=objective,
        accumulate=accumulate,
        optimizer={"type": "sgd", "lr": 0.01},
        **options,
    )


class Maps(nn.Module):
    """Features of its own for a loss that takes some."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.conv = nn.Conv2d(3, 4, 3).double().requires_grad_(False)

    def forward(self, x):
        return (self.conv(x), x)


@pytest.fixture
def the_same_draw_for_every_image(monkeypatch):
    """Parts of a batch draw at other times than the whole one; here all draw alike."""

    def constant(make):
        return lambda *args, **kwargs: torch.full_like(make(*args, **kwargs), 0.25)

    for name in ("rand", "randn_like", "rand_like"):
        monkeypatch.setattr(torch, name, constant(getattr(torch, name)))
    plain = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, **kwargs: plain(*args, **kwargs) * 0)


ADVERSARIAL = [
    ({"type": name, "reduction": reduction},)
    for name in ADVERSARIAL_LOSSES.names()
    for reduction in ("mean", "sum")
]
OTHERS = [
    (name,)
    for registry in (RECONSTRUCTION_LOSSES, FEATURE_LOSSES, PENALTIES)
    for name in registry.names()
]
VARIANTS = [
    ({"type": "wgan_gp", "one_sided": True},),
    ({"type": "r1_r2", "scalar": "logit", "interval": 2},),
    ({"type": "consistency", "sides": "both"},),
    ({"type": "gradient_difference", "alpha": 2.0},),
    ({"loss": FEATURE_LOSSES.build("perceptual", features=Maps())},),
    ({"loss": FEATURE_LOSSES.build("style", features=Maps())},),
]


@pytest.mark.parametrize("term", [t for (t,) in [*ADVERSARIAL, *OTHERS, *VARIANTS]], ids=str)
def test_every_loss_in_parts_is_that_of_the_whole_batch(term, the_same_draw_for_every_image):
    # Beside a term of the generator's, which any objective has to have.
    objective = Objective({"a": "lsgan", "mine": term}, discriminator_weight=0.5)
    given = batch(4, 176 if term == "ms_ssim" else 16, dtype=torch.float64)
    name = term if isinstance(term, str) else term.get("type")
    if name in WHOLE:
        assert objective.whole_batch_terms == ["mine"]
        with pytest.raises(OptionError, match="'mine' compares all images"):
            exact_updater(objective, 2)
        return
    assert objective.whole_batch_terms == []
    whole, cut = exact_updater(objective), exact_updater(objective, 2)
    for _ in range(1 if term == "ms_ssim" else 3):
        one, many = whole.step(given), cut.step(given)
        assert one.keys() == many.keys()
        for figure in set(one) - {"d_spread"}:  # the mean of the parts' own spreads
            assert many[figure].item() == pytest.approx(one[figure].item(), rel=1e-6), figure
    theirs = dict(whole.task.named_parameters())
    for key, p in cut.task.named_parameters():
        torch.testing.assert_close(p.grad, theirs[key].grad, rtol=1e-6, atol=1e-11, msg=key)
        torch.testing.assert_close(p, theirs[key], rtol=1e-8, atol=1e-11, msg=key)


def test_the_guide_names_the_losses_that_compare_the_images_of_one_process():
    guide = Path(__file__).parents[2] / "docs" / "guides" / "many-machines.md"
    [line] = re.findall(r"(?ms)^- What compares the images of a batch.*?\.$", guide.read_text())
    assert WHOLE | {"dragan", "minibatch_std"} == set(re.findall(r"`(\w+)`", line))


@pytest.mark.parametrize("parts", [2, 4])
def test_several_terms_with_clipping(parts):
    whole, cut = exact_updater(MIXED, clip_norm=0.1), exact_updater(MIXED, parts, clip_norm=0.1)
    for seed in range(2):
        given = batch(4, seed=seed, dtype=torch.float64)
        one, many = whole.step(given), cut.step(given)
        for figure in set(one) - {"d_spread"}:
            assert many[figure].item() == pytest.approx(one[figure].item(), rel=1e-6), figure
    theirs = dict(whole.task.named_parameters())
    for key, p in cut.task.named_parameters():
        torch.testing.assert_close(p, theirs[key], rtol=1e-8, atol=1e-11, msg=key)


def test_a_sum_beside_means_is_counted_in_full():
    """Divided by the parts, as a mean is, it would weigh a half."""
    terms = {"a": {"type": "hinge", "reduction": "sum"}, "l1": "l1"}
    whole, cut = exact_updater(Objective(terms)), exact_updater(Objective(terms), 2)
    given = batch(4, dtype=torch.float64)
    one, many = whole.step(given), cut.step(given)
    assert many["loss_d_a"].item() == pytest.approx(one["loss_d_a"].item())
    assert many["loss_g"].item() == pytest.approx(one["loss_g"].item())
    assert many["grad_norm_d"].item() == pytest.approx(one["grad_norm_d"].item())


def test_a_loss_that_makes_no_declaration_of_sums_is_seen_to_differ():
    """The defect put back: a sum that passes for a mean."""
    terms = {"a": {"type": "hinge", "reduction": "sum"}}
    whole, cut = exact_updater(Objective(terms)), exact_updater(Objective(terms), 2)
    loss = cut.task.objective.adversarial["a"]
    loss.__class__ = type("Undeclared", (type(loss),), {"batch_reduction": "mean"})
    given = batch(4, dtype=torch.float64)
    one, many = whole.step(given), cut.step(given)
    assert many["grad_norm_d"].item() == pytest.approx(one["grad_norm_d"].item() / 2)


@pytest.mark.parametrize("parts", [3, 8])
def test_parts_that_are_not_equal(parts):
    updater = tiny_updater(accumulate=parts)
    with pytest.raises(OptionError, match=f"accumulate={parts}"):
        updater.step(batch(2))


def test_a_tensor_without_axes_is_in_every_part():
    given = {**batch(4, dtype=torch.float64), "scale": torch.tensor(2.0)}
    parts = split_batch(given, 2)
    assert [part["name"] for part in parts] == [["0", "1"], ["2", "3"]]
    assert [part["scale"].item() for part in parts] == [2, 2]
    one, two = exact_updater(MIXED).step(given), exact_updater(MIXED, 2).step(given)
    assert two["loss_g"].item() == pytest.approx(one["loss_g"].item(), rel=1e-6)


def test_a_batch_without_tensors_has_no_parts():
    with pytest.raises(OptionError, match="a batch of no tensors cannot be split"):
        split_batch({"name": ["a", "b"]}, 2)
