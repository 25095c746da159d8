"""One step of pix2pix: the discriminator's half, then the generator's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.losses import AdversarialLoss, mean_logit
from ganblocks.training.precision import autocast
from ganblocks.training.state import TrainState, frozen


@dataclass(frozen=True)
class Pix2PixLosses:
    """What the two networks minimise (Isola et al., 2017, equations 3 and 4).

    Attributes:
        adversarial: The adversarial loss.
        reconstruction: (output, target) → scalar.
        lambda_l1: Weight of the reconstruction.
        discriminator_weight: Weight of the discriminator's loss, which slows it down against
            the generator; the paper halves it.
    """

    adversarial: AdversarialLoss
    reconstruction: nn.Module
    lambda_l1: float = 100.0
    discriminator_weight: float = 0.5


def train_step(
    state: TrainState,
    source: Tensor,
    target: Tensor,
    losses: Pix2PixLosses,
    *,
    precision: str = "fp32",
) -> dict[str, Tensor]:
    """Updates the discriminator on real and detached fake pairs, then the generator.

    The generator runs once; its half takes fresh logits from the updated discriminator, whose
    parameters get no gradient there.

    Args:
        state: The networks and optimisers; its `step` is counted up.
        source: Input images (B, C, H, W) in [-1, 1], on the state's device.
        target: The images to make of them, of the same size.
        losses: What is minimised.
        precision: `"fp32"`, or `"bf16"` for the networks; losses are computed in fp32.

    Returns:
        Scalars, left on the device: mean logits `d_real` and `d_fake`, `loss_d` (weighted),
        `loss_g_adversarial` and `loss_g_l1` (unweighted).

    Example:
        >>> from ganblocks import L1Loss, PatchDiscriminator, UNetGenerator, VanillaLoss
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> photo, labels = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
        >>> sorted(train_step(state, labels, photo, Pix2PixLosses(VanillaLoss(), L1Loss())))
        ['d_fake', 'd_real', 'loss_d', 'loss_g_adversarial', 'loss_g_l1']
    """
    generator, discriminator = state.generator, state.discriminator
    with autocast(precision, state.device):
        fake = generator(source)
        fake_logits = discriminator(torch.cat((source, fake.detach()), 1))
        real_logits = discriminator(torch.cat((source, target), 1))
    loss_d = losses.discriminator_weight * losses.adversarial.discriminator(
        real_logits, fake_logits
    )
    state.optimizer_d.zero_grad(set_to_none=True)
    loss_d.backward()
    state.optimizer_d.step()

    with frozen(discriminator):
        with autocast(precision, state.device):
            judged = discriminator(torch.cat((source, fake), 1))
        adversarial = losses.adversarial.generator(judged)
        reconstruction = losses.reconstruction(fake, target)
        state.optimizer_g.zero_grad(set_to_none=True)
        (adversarial + losses.lambda_l1 * reconstruction).backward()
    state.optimizer_g.step()
    state.step += 1
    return {
        "d_real": mean_logit(real_logits).detach(),
        "d_fake": mean_logit(fake_logits).detach(),
        "loss_d": loss_d.detach(),
        "loss_g_adversarial": adversarial.detach(),
        "loss_g_l1": reconstruction.detach(),
    }
