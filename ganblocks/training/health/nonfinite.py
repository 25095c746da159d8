"""What is not finite in a training step, found by running it again on copies."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.losses import Objective
from ganblocks.training.health.finding import Finding
from ganblocks.training.health.rerun import Rerun
from ganblocks.training.health.tracing import count_nonfinite
from ganblocks.training.state import TrainState

FINITE = "the same batch is finite now, with the weights of now and other draws of dropout"
FINITE_FP16 = f"{FINITE}; with fp16 the loss scaler may have lowered its factor since"


def find_nonfinite(
    state: TrainState,
    source: Tensor,
    target: Tensor,
    objective: Objective,
    *,
    precision: str,
    augment: Augmentation | None = None,
    accumulate: int = 1,
    step: int | None = None,
) -> str:
    """Runs a step's batch again, and says what is not finite: the first of these that is not.

    Weights; the pictures; a module's output; a term of the loss; a gradient; buffers. It runs on
    copies: weights, gradients, buffers, optimisers and the random state stay as they are.

    Args:
        state: The training, as it was before the step.
        source: Input images (B, C, H, W).
        target: The images to make of them.
        objective: What is minimised.
        precision: As in `train_step`.
        augment: As in `train_step`.
        accumulate: As in `train_step`.
        step: The step, from 0, for penalties and weights that change with it; the next by default.

    Returns:
        Words for the middle of a sentence.

    Raises:
        ShapeError: The batch does not fit the networks.

    Examples:
        >>> import torch
        >>> from ganblocks import PatchDiscriminator, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> photo, labels = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
        >>> labels[1, 0, 3, 3] = float("nan")
        >>> find_nonfinite(state, labels, photo, objective, precision="fp32")
        'input picture 1 of the batch, counted from 0: 1 of its 768 values'
    """
    networks = [("generator", state.generator), ("discriminator", state.discriminator)]
    weights = {f"{n}.{key}": p for n, network in networks for key, p in network.named_parameters()}
    buffers = {f"{n}.{key}": b for n, network in networks for key, b in network.named_buffers()}
    again = Rerun(
        state,
        source,
        target,
        precision=precision,
        augment=augment,
        parts=accumulate,
        step=state.step if step is None else step,
    )
    return (
        _in_tensors("weight", weights)
        or _in_pictures("input", source)
        or _in_pictures("target", target)
        or again.fault(objective)
        or _in_tensors("buffer", buffers)
        or (FINITE_FP16 if precision == "fp16" else FINITE)
    )


def nonfinite_finding(step: int, terms: list[str], where: str, skipped: int) -> Finding:
    """Words the report of a step that was not finite.

    Args:
        step: The step.
        terms: The figures that were not finite, such as `"loss_g_l1"`.
        where: What `find_nonfinite` found.
        skipped: How many steps have been skipped so far, this one among them.

    Examples:
        >>> nonfinite_finding(7, ["loss_d"], "a weight", skipped=1).message.partition(":")[0]
        'loss_d was not finite'
    """
    what = ", ".join(terms) or "a gradient"
    times = "the first one" if skipped <= 1 else f"one of {skipped} so far"
    return Finding(
        step,
        "not-finite",
        f"{what} was not finite: {where}. Both updates of that step were skipped "
        f"({times}), so the weights are those before it. If it comes again: lower the rate "
        "(--lr), clip the gradients (--clip-norm 1, TrainState(clip_norm=1)), take --precision "
        "fp32 or bf16 in the place of fp16, and look at the picture or the layer that is named.",
    )


def stuck_finding(step: int, in_a_row: int) -> Finding:
    """Words the report of a training in which no step is finite any more.

    Args:
        step: The last step.
        in_a_row: How many have been skipped, one after the other.

    Examples:
        >>> stuck_finding(60, 50).message.partition(":")[0]
        'the last 50 steps changed nothing'
    """
    return Finding(
        step,
        "stuck",
        f"the last {in_a_row} steps changed nothing: a gradient was not finite in any of them, and "
        "the rest of the training is lost time. Stop it, go back to a checkpoint from before, and "
        "lower the rate (--lr) or clip the gradients (--clip-norm).",
    )


def _in_tensors(what: str, tensors: Mapping[str, Tensor]) -> str | None:
    for name, tensor in tensors.items():
        if count := count_nonfinite(tensor):
            return (
                f"the {what} `{name}`, {count:,} of its {tensor.numel():,} values, was not finite "
                "before the step, and no step can be sound with it: go back to a checkpoint from "
                "before"
            )
    return None


def _in_pictures(side: str, batch: Tensor) -> str | None:
    for index, picture in enumerate(batch):
        if count := count_nonfinite(picture):
            return (
                f"{side} picture {index} of the batch, counted from 0: {count:,} of its "
                f"{picture.numel():,} values"
            )
    return None
