"""One step of pix2pix: the discriminator's half, then the generator's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import Objective, mean_logit
from ganblocks.losses.functional import full_precision
from ganblocks.losses.logits import Logits
from ganblocks.training.precision import autocast
from ganblocks.training.state import TrainState, frozen


def train_step(
    state: TrainState,
    source: Tensor,
    target: Tensor,
    objective: Objective,
    *,
    precision: str = "fp32",
    augment: Augmentation | None = None,
) -> dict[str, Tensor]:
    """Updates the discriminator on real and detached fake pairs, then the generator.

    The generator runs once; its half takes fresh logits from the updated discriminator, whose
    parameters get no gradient there.

    Args:
        state: The networks and optimisers; its `step` is counted up.
        source: Input images (B, C, H, W) in [-1, 1], on the state's device.
        target: The images to make of them, of the same size.
        objective: What is minimised.
        precision: `"fp32"`, or `"bf16"` for the networks; losses and penalties are computed in
            fp32.
        augment: Varies what the discriminator sees: source, target and output of a pair alike,
            with a draw for each player. Reconstruction and feature losses see the output itself.

    Returns:
        Scalars, left on the device: mean logits `d_real` and `d_fake`; `loss_d`, the
        discriminator's weighted total; without their weights `loss_d_` + name for each penalty
        that was due and `loss_g_` + name for each of the generator's terms.

    Raises:
        ShapeError: The generator's output has not the target's shape.
        OptionError: A term teaches the generator nothing, or there is none for it; or a feature
            loss finds no features.

    Examples:
        >>> from ganblocks import PatchDiscriminator, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> photo, labels = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
        >>> sorted(train_step(state, labels, photo, objective))
        ['d_fake', 'd_real', 'loss_d', 'loss_g_adversarial', 'loss_g_l1']
    """
    generator, discriminator = state.generator, state.discriminator

    def judged(condition: Tensor, image: Tensor) -> Logits:
        with autocast(precision, state.device):
            logits: Logits = discriminator(torch.cat((condition, image), 1))
        return logits

    def features(image: Tensor) -> Any:
        inner = getattr(discriminator, "module", discriminator)  # DistributedDataParallel's
        maps: Callable[[Tensor], Any] | None = getattr(inner, "features", None)
        if maps is None:
            raise OptionError(
                f"a feature loss compares the discriminator's maps, and {type(inner).__name__} has "
                "no method `features`: give it one, (B, C, H, W) → tuple of maps, logits last"
            )
        with autocast(precision, state.device):
            return maps(torch.cat((source, image), 1))

    with autocast(precision, state.device):
        fake = generator(source)
    fake = full_precision(fake)  # losses and their own networks run outside autocast
    require_target(source, fake, target)
    shown = (source, target, fake.detach())
    condition, real_d, fake_d = shown if augment is None else augment(*shown)
    fake_logits, real_logits = judged(condition, fake_d), judged(condition, real_d)
    of_d = objective.discriminator(
        real_logits,
        fake_logits,
        step=state.step,
        # A compiled graph has no second derivative, which gradient penalties are trained by.
        judge=getattr(discriminator, "_orig_mod", discriminator),
        real=real_d,
        fake=fake_d,
        condition=condition,
    )
    if of_d.total.requires_grad:  # without an adversarial term and a penalty D rests
        state.optimizer_d.zero_grad(set_to_none=True)
        of_d.total.backward()
        state.optimizer_d.step()

    with frozen(discriminator):
        shown = (source, target, fake)
        condition, real_g, fake_g = shown if augment is None else augment(*shown)
        of_g = objective.generator(
            judged(condition, fake_g),
            judged(condition, real_g) if objective.needs_real_logits else None,
            output=fake,
            target=target,
            features=features,
            step=state.step,
        )
        state.optimizer_g.zero_grad(set_to_none=True)
        of_g.total.backward()
    state.optimizer_g.step()
    state.step += 1
    return {
        "d_real": mean_logit(real_logits).detach(),
        "d_fake": mean_logit(fake_logits).detach(),
        "loss_d": of_d.total.detach(),
        **{f"loss_d_{n}": of_d.raw[n].detach() for n in objective.penalties if n in of_d.raw},
        **{f"loss_g_{name}": value.detach() for name, value in of_g.raw.items()},
    }


def require_target(source: Tensor, output: Tensor, target: Tensor) -> None:
    """Raises `ShapeError` unless the generator's output has the target's shape.

    Args:
        source: What the generator was given, (B, C, H, W).
        output: What it made.
        target: What it should have made.
    """
    if output.shape != target.shape:
        raise ShapeError(
            f"the generator makes {tuple(output.shape)} of {tuple(source.shape)}, and the target "
            f"is {tuple(target.shape)}: give both sides of a pair one size, and build the "
            f"generator with out_channels={target.shape[1]}"
        )
