"""Finds the origin of non-finite values in a step, by running it on copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.blocks.statistics import copied
from ganblocks.health.tracing import Trace, count_nonfinite
from ganblocks.losses import LossTerms
from ganblocks.randomness import own_randomness
from ganblocks.tasks import Batch, Task
from ganblocks.tasks.base import frozen, keys_explained
from ganblocks.training.generated import GeneratedOutputs
from ganblocks.training.precision import autocast

FINITE = "everything is finite with the current weights and these random numbers"


@checked
def find_nonfinite(task: Task, batch: Batch, *, precision: str = "fp32", seed: int = 0) -> str:
    """Runs a batch through a task, and describes the first non-finite value.

    It checks the weights, the images of the batch, the outputs of modules, the loss terms, the
    gradients and the buffers. It runs on copies, so weights, gradients, buffers and the random
    state are unchanged. No player is updated: each is checked with its current weights.

    Args:
        task: The task, in its state after a skipped step.
        batch: The batch of that step.
        precision: `"fp32"`, `"bf16"` or `"fp16"`, as in training.
        seed: Seed of the random numbers.

    Returns:
        A phrase for use in a sentence.

    Raises:
        ShapeError: The batch does not fit the networks.

    Examples:
        >>> from ganblocks import PairedTranslation
        >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"gan": "hinge"}}
        >>> photo, labels = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
        >>> labels[1, 0, 3, 3] = float("nan")
        >>> find_nonfinite(PairedTranslation(*parts), {"source": labels, "target": photo})
        '`source[1]` of the batch, 1 of its 768 values'
    """
    device = next(task.parameters()).device
    with own_randomness(device, seed), keys_explained(batch):
        return (
            _in_tensors("weight", dict(task.named_parameters()))
            or _in_batch(batch)
            or _in_step(copied(task).train(), batch, precision, device)
            or _in_tensors("buffer", dict(task.named_buffers()))
            or FINITE
        )


def _in_step(twin: Task, batch: Batch, precision: str, device: torch.device) -> str | None:
    trace = Trace()
    for name, network in twin.networks().items():
        trace.attach(name, network)
    with autocast(precision, device), torch.enable_grad():
        for player in twin.players:
            own = twin.networks(player)
            others = (n for key, n in twin.networks().items() if key not in own)
            with frozen(*others, but=own.values()):
                generated = GeneratedOutputs(twin, [player], [batch]).for_player(player, batch)
                if trace.output:
                    return trace.output
                terms = LossTerms.of(twin.loss(player, batch, generated))
                total = terms.total()
                if fault := trace.output or _in_terms(player, terms):
                    return fault
                if total.requires_grad and (fault := _in_gradients(total, own, trace)):
                    return f"{fault}{_responsible_term(player, terms, own)}"
    return None


def _in_gradients(total: Tensor, networks: Mapping[str, nn.Module], trace: Trace) -> str | None:
    trace.gradient = None
    total.backward(retain_graph=True)
    fault = None
    for network_name, network in networks.items():
        for name, parameter in network.named_parameters():
            if parameter.grad is not None and (count := count_nonfinite(parameter.grad)):
                fault = fault or (
                    f"the gradient of the weight `{network_name}.{name}`, {count:,} of its "
                    f"{parameter.numel():,} values; all outputs, losses and other gradients are "
                    "finite"
                )
        network.zero_grad()
    return (trace.gradient or fault) if fault else None


def _responsible_term(player: str, terms: LossTerms, networks: Mapping[str, nn.Module]) -> str:
    """Names the first term whose own gradient is not finite, unless this holds for all terms."""
    parameters = [p for network in networks.values() for p in network.parameters()]
    differentiable = {name: x for name, x in terms.weighted.items() if x.requires_grad}
    faulty = []
    for name, value in differentiable.items():
        gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
        if any(count_nonfinite(g) for g in gradients if g is not None):
            faulty.append(name)
    if not faulty or len(faulty) == len(differentiable):
        return ""
    return f". It comes from the term {faulty[0]!r} of the {player}"


def _in_terms(player: str, terms: LossTerms) -> str | None:
    for name, value in terms.raw.items():
        if count_nonfinite(value):
            return (
                f"the term {name!r} of the {player} is {value.item()}, although the outputs of the "
                "networks are finite"
            )
    return None


def _in_tensors(what: str, tensors: Mapping[str, Tensor]) -> str | None:
    for name, tensor in tensors.items():
        if count := count_nonfinite(tensor):
            return (
                f"the {what} `{name}`, {count:,} of its {tensor.numel():,} values, is already not "
                "finite: return to an earlier checkpoint"
            )
    return None


def _in_batch(batch: Mapping[str, Any]) -> str | None:
    for key, images in batch.items():
        rows = torch.atleast_1d(images) if isinstance(images, Tensor) else ()
        for index, image in enumerate(rows):
            if image.is_floating_point() and (count := count_nonfinite(image)):
                place = f"{key}[{index}]" if images.dim() else key
                return f"`{place}` of the batch, {count:,} of its {image.numel():,} values"
    return None
