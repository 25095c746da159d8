"""Defects of other code bases: each property holds here and fails with the defect."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganblocks import (
    HingeLoss,
    LSGANLoss,
    PatchDiscriminator,
    R1Penalty,
    VanillaLoss,
    WGANGPPenalty,
)
from ganblocks.losses import RaGANLoss, RpGANLoss, functional


def unit_critic(x):
    """Linear, one logit for each image, with a gradient of norm 1."""
    return x.flatten(1).sum(1) / np.sqrt(x[0].numel())


def gradient_at(x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(unit_critic(x).sum(), x, create_graph=True)[0]


def penalty_from(measure):
    """A gradient penalty with another norm."""

    def penalty(critic, real, fake):
        del critic
        return (measure(gradient_at((real + fake) / 2)) - 1).square().mean()

    return penalty


def norm_is_per_image(penalty):
    """A critic with gradients of norm 1 has no penalty, whatever the batch and the image."""
    for shape in ((1, 3, 8, 8), (4, 3, 8, 8), (16, 1, 5, 4)):
        real, fake = torch.rand(2, *shape)
        if abs(penalty(unit_critic, real, fake).item()) > 1e-6:
            return False
    return True


class NormOverTheBatch(WGANGPPenalty):
    """The norm of the whole batch's gradient: 1.0 at B = 4, and 9.0 at B = 16."""

    def _penalty(self, discriminator, real, fake, condition):
        return (gradient_at(real).norm() - 1).square()


class OneEpsilon(WGANGPPenalty):
    def _penalty(self, discriminator, real, fake, condition):
        epsilon = torch.rand(())
        discriminator(epsilon * real + (1 - epsilon) * fake)
        return torch.zeros(())


def epsilon_is_per_image(penalty):
    """Each image has its own point between real and fake."""
    seen = []

    def critic(x):
        seen.append(x.detach())
        return unit_critic(x)

    penalty(critic, torch.ones(8, 1, 2, 2), torch.zeros(8, 1, 2, 2))
    return len(seen[0][:, 0, 0, 0].unique()) == 8


class FakeNotDetached(WGANGPPenalty):
    def forward(self, discriminator, real, fake, condition=None):
        epsilon = torch.rand(len(real), 1, 1, 1)
        between = epsilon * real + (1 - epsilon) * fake
        if not between.requires_grad:
            between.requires_grad_()
        logits = discriminator(between).square().sum()
        (gradient,) = torch.autograd.grad(logits, between, create_graph=True)
        return functional.gradient_norm_penalty(gradient)


def generator_is_left_alone(penalty):
    fake = torch.rand(2, 3, 4, 4, requires_grad=True)
    weight = torch.ones((), requires_grad=True)
    penalty(lambda x: weight * unit_critic(x) ** 2, torch.rand(2, 3, 4, 4), fake).backward()
    return fake.grad is None


class MarksTheCallersTensor(R1Penalty):
    def forward(self, discriminator, real, fake, condition=None):
        real.requires_grad_()
        return super().forward(discriminator, real, fake, condition)


def callers_tensor_is_left_alone(penalty):
    real = torch.rand(2, 3, 4, 4)
    penalty(unit_critic, real, real.clone())
    return not real.requires_grad


class PixelMeanR1(R1Penalty):
    """Without the ½, and with the mean over values instead of the sum."""

    def _penalty(self, discriminator, real, fake, condition):
        return gradient_at(real).square().mean()


def r1_is_half_the_squared_norm(penalty):
    """D's gradient has norm 1: the penalty is ½ at any size of image."""
    return all(
        abs(penalty(unit_critic, x, x).item() - 0.5) < 1e-6
        for x in (torch.rand(2, 3, 4, 4), torch.rand(2, 3, 32, 32))
    )


class TanhHinge(HingeLoss):
    def _discriminator(self, real, fake):
        return super()._discriminator(real.tanh(), fake.tanh())

    def _generator(self, fake):
        return 1 - fake.tanh().mean()


def hinge_has_a_margin_and_no_tanh(loss):
    """Beyond the margin D has no gradient; G's gradient is −1 everywhere."""
    fake = torch.tensor([-3.0], requires_grad=True)
    loss.generator(fake).backward()
    sure = torch.tensor([1.5]), torch.tensor([-1.5])
    return fake.grad.item() == -1.0 and loss.discriminator(*sure).item() == 0.0


class HingeIgnoresReduction(HingeLoss):
    def _discriminator(self, real, fake):
        return functional.hinge_discriminator(real, fake)


def hinge_applies_the_reduction(loss):
    real, fake = torch.randn(2, 6)
    return loss.discriminator(real, fake).item() > 2 * HingeLoss().discriminator(real, fake).item()


class SigmoidThenBCE(VanillaLoss):
    """Probabilities are clamped: at a logit of −110 the loss is 100 and its gradient 0."""

    def _generator(self, fake):
        return F.binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))


def cross_entropy_is_of_logits(loss):
    fake = torch.tensor([-110.0], requires_grad=True)
    value = loss.generator(fake)
    value.backward()
    return abs(value.item() - 110) < 1e-3 and abs(fake.grad.item() + 1) < 1e-3


class LeakyLSGAN(LSGANLoss):
    def _discriminator(self, real, fake):
        return super()._discriminator(F.leaky_relu(real, 0.05), F.leaky_relu(fake, 0.05))


def least_squares_are_of_logits(loss):
    return loss.discriminator(torch.tensor([-1.0]), torch.tensor([-2.0])).item() == 4.0 + 4.0


class RealDetached(RpGANLoss):
    def _compare(self, higher, lower):
        return super()._compare(higher.detach(), lower)


class MeansDetached(RaGANLoss):
    def _compare(self, higher, lower):
        above = functional.relativistic_paired(higher, lower.mean().detach().expand_as(higher))
        below = functional.relativistic_paired(higher.mean().detach().expand_as(lower), lower)
        return above + below


def both_sides_have_their_full_gradient(loss):
    """Moving real and fake logits together changes nothing: their gradients add up to 0."""
    for player in (loss.discriminator, loss.generator):
        # Far from balance, where a gradient that leaves out the means does not cancel either.
        real = torch.tensor([0.0, 2.0, 5.0], requires_grad=True)
        fake = torch.tensor([-1.0, 3.0, 0.5], requires_grad=True)
        player(real, fake).backward()
        sides = [real.grad, fake.grad]
        if any(side is None for side in sides) or abs(sum(s.sum() for s in sides)) > 1e-6:
            return False
    return True


class BatchMeansOnly(VanillaLoss):
    """Builds its result from numbers, without a gradient."""

    def _generator(self, fake):
        return torch.tensor([super()._generator(fake).item()]).sum()


def generator_loss_has_a_gradient(loss):
    return loss.generator(torch.zeros(3, requires_grad=True)).requires_grad


CASES = [
    (norm_is_per_image, WGANGPPenalty(), NormOverTheBatch()),
    (
        norm_is_per_image,
        WGANGPPenalty(),
        penalty_from(lambda g: g.norm(dim=1)),  # over the channels: a norm for each pixel
    ),
    (epsilon_is_per_image, WGANGPPenalty(), OneEpsilon()),
    (generator_is_left_alone, WGANGPPenalty(), FakeNotDetached()),
    (callers_tensor_is_left_alone, R1Penalty(), MarksTheCallersTensor()),
    (r1_is_half_the_squared_norm, R1Penalty(), PixelMeanR1()),
    (hinge_has_a_margin_and_no_tanh, HingeLoss(), TanhHinge()),
    (
        hinge_applies_the_reduction,
        HingeLoss(reduction="sum"),
        HingeIgnoresReduction(reduction="sum"),
    ),
    (cross_entropy_is_of_logits, VanillaLoss(), SigmoidThenBCE()),
    (least_squares_are_of_logits, LSGANLoss(), LeakyLSGAN()),
    (both_sides_have_their_full_gradient, RpGANLoss(), RealDetached()),
    (both_sides_have_their_full_gradient, RaGANLoss(), MeansDetached()),
    (generator_loss_has_a_gradient, VanillaLoss(), BatchMeansOnly()),
]


@pytest.mark.parametrize(
    ("holds", "ours", "defective"), CASES, ids=lambda x: getattr(x, "__name__", type(x).__name__)
)
def test_the_property_holds_and_the_defect_violates_it(holds, ours, defective):
    assert holds(ours)
    assert not holds(defective)


def test_scalar_chooses_between_sum_and_mean_of_a_patch_map():
    """Others silently penalize the gradient of all 900 logits' sum; here it is an argument."""
    torch.manual_seed(0)
    critic = PatchDiscriminator(3, base_channels=4, norm="none")
    real = torch.randn(1, 3, 64, 64)
    by_sum, by_mean = (R1Penalty(scalar=s)(critic, real, real).item() for s in ("sum", "mean"))
    logits = critic(real).numel()
    assert by_sum == pytest.approx(by_mean * logits**2, rel=1e-4)
