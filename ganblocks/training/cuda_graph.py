"""The step as one CUDA graph: the GPU gets all of it at once, and waits for no Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.losses import Objective
from ganblocks.tasks import Batch, ImagePool
from ganblocks.training.updater import Updater

Step = Callable[[Batch], dict[str, Tensor]]
"""A batch → the figures of one step."""

WARM_UP = 3
"""Steps that run one operation at a time first: libraries choose their algorithms in them."""


def cuda_graph_step(updater: Updater) -> Step:
    """Returns an updater's step as one CUDA graph, or with a warning as it is.

    A graph saves the time that Python takes for each operation. It cannot be where the step
    depends on its number, draws outside the device, or waits for it.

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
    if reason := why_no_graph(updater):
        warnings.warn(
            f"the step runs without a CUDA graph: {reason}", GanBlocksWarning, stacklevel=2
        )
        return updater.step
    return GraphedStep(updater)


def why_no_graph(updater: Updater) -> str:
    """Says why a step cannot be one CUDA graph; nothing if it can.

    A graph repeats the same operations with the same numbers. What depends on the step's number,
    or is drawn outside the device, would stay as it was when the graph was made.
    """
    task = updater.task
    if updater.device.type != "cuda":
        return f"the networks are on {updater.device.type}"
    if updater.scalers:
        return "fp16 scales its losses anew from step to step"
    if DistributedContext.current().size > 1:
        return "several processes train together"
    for name, player in task.players.items():
        if player.interval > 1 or player.start > updater.steps:
            return f"the {name} does not move at every step"
    for module in task.modules():
        if isinstance(module, ImagePool):
            return "the image pool draws outside the device"
        if isinstance(module, Objective) and (changing := module.step_dependent_terms):
            return f"the term {changing[0]!r} changes with the step"
    for name, optimizer in updater.optimizers.items():
        if not getattr(optimizer, "_step_supports_amp_scaling", False):
            return f"the optimizer of the {name} is not fused, and waits for the device"
    return ""


class GraphedStep:
    """Runs some steps as ever, captures the next one, and replays it from then on."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater
        self._left = WARM_UP
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: dict[str, Tensor]
        self._names: list[str]
        self._figures: Tensor
        for group in self._groups():  # a tensor that the graph reads: a number would stay
            group["lr"] = torch.as_tensor(group["lr"], device=updater.device).clone()

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Runs one step."""
        given = {key: x for key, x in batch.items() if isinstance(x, Tensor)}
        if self._left > 0:
            self._left -= 1
            return self._warmed(given)
        if self._graph is None and all(map(_has_moments, self._updater.optimizers.values())):
            self._capture(given)
        if self._graph is None or _shapes(self._inputs) != _shapes(given):
            return self._updater.step(given)
        for key, static in self._inputs.items():
            static.copy_(given[key])
        self._graph.replay()
        updater = self._updater
        updater.steps += 1
        for name, average in updater.averages.items():
            average.update(updater.networks[name])
        return dict(zip(self._names, self._figures.clone().unbind(), strict=True))

    def _warmed(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Runs on a stream of its own, as what is captured later does."""
        device = self._updater.device
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            figures = self._updater.step(batch)
        torch.cuda.current_stream(device).wait_stream(stream)
        return figures

    def _groups(self) -> list[dict[str, Any]]:
        return [g for o in self._updater.optimizers.values() for g in o.param_groups]

    def _capture(self, batch: dict[str, Tensor]) -> None:
        updater = self._updater
        self._inputs = {key: x.clone() for key, x in batch.items()}
        # The average's weight changes with the step, and is applied outside the graph.
        averages, updater.averages, steps = updater.averages, {}, updater.steps
        for group in self._groups():
            group["capturable"] = True
        try:
            with torch.cuda.device(updater.device):
                graph = torch.cuda.CUDAGraph()
                stream = torch.cuda.Stream(updater.device)
                # Of this thread alone: one that pins batches may go on beside it.
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    figures = updater.step(self._inputs)
                    self._figures = torch.stack([value.float() for value in figures.values()])
        except RuntimeError as error:
            cause = str(error.__context__ or error).partition("\n")[0]
            raise RunError(
                f"the step could not be captured as a CUDA graph ({cause}): train without "
                "cuda_graph",
                see="no-cuda-graph",
            ) from error
        finally:
            updater.averages, updater.steps = averages, steps  # nothing has run yet
            for group in self._groups():
                group["capturable"] = False
        self._names, self._graph = list(figures), graph


def _shapes(batch: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {key: x.shape for key, x in batch.items()}


def _has_moments(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it has made the moments that it needs, which no graph may do."""
    needs = any("betas" in g or g.get("momentum") for g in optimizer.param_groups)
    return bool(optimizer.state) or not needs
