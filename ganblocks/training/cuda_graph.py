"""The training step as one CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.losses import Objective
from ganblocks.tasks import Batch, ImagePool
from ganblocks.training.optimizers import skips_on_device
from ganblocks.training.updater import Updater

Step = Callable[[Batch], dict[str, Tensor]]
"""A function that takes a batch and returns the metrics of one step."""

WARMUP_STEPS = 3
"""Steps before the capture, in which libraries choose algorithms."""


@checked
def cuda_graph_step(updater: Updater) -> Step:
    """Returns an updater's step as one CUDA graph; if impossible, warns and returns `step`.

    A graph saves the Python overhead of each operation. A step cannot be captured if it depends on
    the step number, draws random numbers on the CPU, or waits for the device.

    Args:
        updater: The updater.

    Examples:
        >>> import pytest
        >>> from torch import nn
        >>> from ganblocks import PairedTranslation
        >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"gan": "hinge"}}
        >>> with pytest.warns(GanBlocksWarning, match="without a CUDA graph"):
        ...     step = cuda_graph_step(Updater(PairedTranslation(*parts)))
    """
    if reason := _obstacle(updater):
        warnings.warn(
            f"the step runs without a CUDA graph: {reason}", GanBlocksWarning, stacklevel=2
        )
        return updater.step
    return _GraphedStep(updater)


def _obstacle(updater: Updater) -> str:
    """Returns why a step cannot be one CUDA graph; empty if it can.

    A graph replays the same operations with the same values: whatever depends on the step number or
    is drawn on the CPU would keep its value from the capture.
    """
    task = updater.task
    if updater.device.type != "cuda":
        return f"the networks are on {updater.device.type}"
    if updater.scalers:
        return "the loss scale of fp16 changes between steps"
    if DistributedContext.current().world_size > 1:
        return "several processes train together"
    for name, player in task.players.items():
        if player.interval > 1 or player.start > updater.steps:
            return f"the {name} is not updated at every step"
    for module in task.modules():
        if isinstance(module, ImagePool):
            return "the image pool draws random numbers on the CPU"
        if isinstance(module, Objective) and (changing := module.step_dependent_terms):
            return f"the term {changing[0]!r} changes with the step"
    for name, optimizer in updater.optimizers.items():
        if not skips_on_device(optimizer):
            return f"the optimizer of the {name} is not fused, and waits for the device"
    return ""


class _GraphedStep:
    """Runs a few steps normally, captures the next one, and replays it from then on."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater
        self._warmup_left = WARMUP_STEPS
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: dict[str, Tensor]
        self._names: list[str]
        self._metrics: Tensor
        for group in self._groups():  # a tensor: a number would stay constant in the graph
            group["lr"] = torch.as_tensor(group["lr"], device=updater.device).clone()

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        tensors = {key: x for key, x in batch.items() if isinstance(x, Tensor)}
        if self._warmup_left > 0:
            self._warmup_left -= 1
            return self._warm_up(tensors)
        if self._graph is None and all(map(_has_moments, self._updater.optimizers.values())):
            self._capture(tensors)
        if self._graph is None or _shapes(self._inputs) != _shapes(tensors):
            return self._updater.step(tensors)
        for key, static in self._inputs.items():
            static.copy_(tensors[key])
        self._graph.replay()
        updater = self._updater
        updater.steps += 1
        for name, average in updater.averages.items():
            average.update(updater.networks[name])
        return dict(zip(self._names, self._metrics.clone().unbind(), strict=True))

    def _warm_up(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        device = self._updater.device
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            metrics = self._updater.step(batch)
        torch.cuda.current_stream(device).wait_stream(stream)
        return metrics

    def _groups(self) -> list[dict[str, Any]]:
        return [g for o in self._updater.optimizers.values() for g in o.param_groups]

    def _capture(self, batch: dict[str, Tensor]) -> None:
        updater = self._updater
        self._inputs = {key: x.clone() for key, x in batch.items()}
        # The decay of averages changes with the step, so they are updated outside the graph.
        averages, updater.averages, steps = updater.averages, {}, updater.steps
        for group in self._groups():
            group["capturable"] = True
        try:
            with torch.cuda.device(updater.device):
                graph = torch.cuda.CUDAGraph()
                stream = torch.cuda.Stream(updater.device)
                # Only in this thread, because another one pins batches at the same time.
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    metrics = updater.step(self._inputs)
                    self._metrics = torch.stack([value.float() for value in metrics.values()])
        except RuntimeError as error:
            cause = str(error.__context__ or error).partition("\n")[0]
            raise RunError(
                f"the step could not be captured as a CUDA graph ({cause}): write cuda_graph=False",
                see="no-cuda-graph",
            ) from error
        finally:
            updater.averages, updater.steps = (
                averages,
                steps,
            )  # capturing runs nothing
            for group in self._groups():
                group["capturable"] = False
        self._names, self._graph = list(metrics), graph


def _shapes(batch: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {key: x.shape for key, x in batch.items()}


def _has_moments(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer has created its moments, which a graph cannot do."""
    needs = any("betas" in g or g.get("momentum") for g in optimizer.param_groups)
    return bool(optimizer.state) or not needs
