"""One step of pix2pix: the discriminator's half, then the generator's."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import Objective
from ganblocks.training.halves import Halves
from ganblocks.training.small_maps import small_maps
from ganblocks.training.state import TrainState


def train_step(
    state: TrainState,
    source: Tensor,
    target: Tensor,
    objective: Objective,
    *,
    precision: str = "fp32",
    augment: Augmentation | None = None,
    accumulate: int = 1,
) -> dict[str, Tensor]:
    """Updates the discriminator on real and detached fake pairs, then the generator.

    The generator runs once; its half takes fresh logits from the updated discriminator, whose
    parameters get no gradient there. Nothing waits for the device. A step with a gradient that is
    not finite changes neither network, no optimiser and no buffer.

    Args:
        state: The networks and optimisers; its `step` is counted up.
        source: Input images (B, C, H, W) in [-1, 1], on the state's device.
        target: The images to make of them, of the same size.
        objective: What is minimised.
        precision: `"fp32"`; or `"bf16"` or `"fp16"` for the networks, where losses and penalties
            are computed in fp32. With fp16 each optimiser has a loss scaler.
        augment: Varies what the discriminator sees: source, target and output of a pair alike,
            with a draw for each player. Reconstruction and feature losses see the output itself.
        accumulate: Parts that the batch is cut into, which go through the networks one after the
            other and whose gradients are averaged: the memory of one part, at the cost of running
            the generator a second time, with another draw of its dropout. Running statistics and
            what terms remember move with every part.

    Returns:
        Scalars, left on the device. Of the discriminator, where a term looks at it: mean logits
        `d_real` and `d_fake`; `d_spread`, the standard deviation of all logits; `d_accuracy`, the
        share of positions where the real logit is the higher one; `loss_d`, its weighted total;
        `grad_norm_d`, the L2 norm of its gradients. Without their weights `loss_d_` + name for
        each penalty that was due and `loss_g_` + name for each of the generator's terms.
        `grad_norm_g`; `grad_image`, the norm of the generator's loss with respect to the output,
        and `grad_image_d`, that of the part which came through the discriminator. `skipped` is 1
        where nothing was updated.

    Raises:
        ShapeError: The generator's output has not the target's shape.
        OptionError: A term teaches the generator nothing, or there is none for it; a feature loss
            finds no features; or the batch cannot be cut into equal parts.

    Examples:
        >>> from ganblocks import PatchDiscriminator, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> photo, labels = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
        >>> row = train_step(state, labels, photo, objective)
        >>> [name for name in sorted(row) if name.startswith("loss")]
        ['loss_d', 'loss_g_adversarial', 'loss_g_l1']
    """
    parts = _parts(source, target, accumulate)
    halves = Halves(state, objective, precision=precision, augment=augment, parts=accumulate)
    state.guard.keep(state, objective)
    # Torch's compiler makes code of its own, and would be in the way of these.
    networks = () if state.compiled else (state.generator, state.discriminator)
    with small_maps(*networks):
        failed = _updated(halves, parts)
    state.guard.undo_if(failed, state, objective)
    if state.ema is not None:
        state.ema.update(state.generator)
    state.step += 1
    return {**halves.scalars(), "skipped": failed.float()}


def _updated(halves: Halves, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Runs both halves over the parts of a batch, and says whether the step has failed."""
    outputs = []
    for source, target in parts:
        # The graph of a single part is kept for the second half; those of several would take the
        # memory that parts are to save, so they are made again.
        with torch.set_grad_enabled(len(parts) == 1):
            output = halves.made(source)
        require_target(source, output, target)
        halves.discriminate(source, target, output.detach())
        outputs.append(output)
    failed = halves.update("discriminator")
    for (source, target), output in zip(parts, outputs, strict=True):
        with halves.part("generator"):
            halves.generate(source, target, output if len(parts) == 1 else halves.made(source))
    return halves.update("generator", failed)


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


def _parts(source: Tensor, target: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    if count < 1 or len(source) % count:
        raise OptionError(
            f"a batch of {len(source)} cannot be cut into accumulate={count} equal parts: write a "
            f"divisor of {len(source)}"
        )
    size = len(source) // count
    return list(zip(source.split(size), target.split(size), strict=True))
