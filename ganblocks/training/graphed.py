"""The step as one CUDA graph: the GPU gets all of it at once, and waits for no Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.losses import Objective
from ganblocks.training.state import TrainState
from ganblocks.training.step import train_step
from ganblocks.training.world import World

Step = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""(source, target) → the figures of one step."""

WARM_UP = 3
"""Steps that run one operation at a time first: libraries choose their algorithms in them."""


def make_step(
    state: TrainState,
    objective: Objective,
    *,
    precision: str = "fp32",
    augment: Augmentation | None = None,
    accumulate: int = 1,
    cuda_graph: bool = False,
) -> Step:
    """Gives a training step as a function of a batch alone.

    Args:
        state: The networks and optimisers.
        objective: What is minimised.
        precision: See `train_step`.
        augment: See `train_step`.
        accumulate: See `train_step`.
        cuda_graph: Whether the step is to run as a CUDA graph, which saves the time that Python
            takes for each operation. Where that cannot be, a warning says why, and it runs as ever.

    Returns:
        (source, target) → what `train_step` returns.

    Examples:
        >>> from ganblocks import PatchDiscriminator, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> step = make_step(state, Objective({"adversarial": "hinge"}))
        >>> row = step(*torch.zeros(2, 1, 3, 16, 16))
        >>> row["skipped"].item(), state.step
        (0.0, 1)
    """

    def eager(source: Tensor, target: Tensor) -> dict[str, Tensor]:
        return train_step(
            state,
            source,
            target,
            objective,
            precision=precision,
            augment=augment,
            accumulate=accumulate,
        )

    if not cuda_graph:
        return eager
    if reason := why_no_graph(state, objective, precision):
        warnings.warn(
            f"the step runs without a CUDA graph: {reason}", GanBlocksWarning, stacklevel=2
        )
        return eager
    return GraphedStep(state, eager)


def why_no_graph(state: TrainState, objective: Objective, precision: str) -> str:
    """Says why a step cannot be one CUDA graph; nothing if it can.

    A graph repeats the same operations with the same numbers. What depends on the step's number,
    or is drawn outside the device, would stay as it was when the graph was made.

    Args:
        state: The training.
        objective: What is minimised.
        precision: The number format.

    Examples:
        >>> from torch import nn
        >>> state = TrainState(nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1))
        >>> why_no_graph(state, Objective({"adversarial": "vanilla"}), "fp32")
        'the networks are on cpu'
    """
    if state.device.type != "cuda":
        return f"the networks are on {state.device.type}"
    if precision == "fp16":
        return "fp16 scales its losses anew from step to step"
    if World.current().size > 1:
        return "several processes train together"
    if state.pool is not None:
        return "the image pool draws outside the device"
    optimizers = (state.optimizer_g, state.optimizer_d)
    if not all(getattr(o, "_step_supports_amp_scaling", False) for o in optimizers):
        return "an optimiser is not fused, and waits for the device"
    if changing := objective.changing_terms:
        return f"the term {changing[0]!r} changes with the step"
    return ""


class GraphedStep:
    """Runs some steps as ever, captures the next one, and replays it from then on.

    Args:
        state: The networks and optimisers, on a CUDA device.
        eager: The step as ever; a batch of another shape than the captured one runs so too.
    """

    def __init__(self, state: TrainState, eager: Step) -> None:
        self._state = state
        self._eager = eager
        self._left = WARM_UP
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, Tensor]
        self._names: list[str]
        self._figures: Tensor
        for group in self._groups():  # a tensor that the graph reads: a number would stay
            group["lr"] = torch.as_tensor(group["lr"], device=state.device).clone()

    def __call__(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Runs one step.

        Args:
            source: Input images (B, C, H, W).
            target: The images to make of them.

        Raises:
            RunError: The step cannot be captured, for a reason that was not known before.
        """
        if self._left > 0:
            self._left -= 1
            return self._warmed(source, target)
        if self._graph is None and self._ready():
            self._capture(source, target)
        if self._graph is None or [x.shape for x in self._inputs] != [source.shape, target.shape]:
            return self._eager(source, target)
        for static, given in zip(self._inputs, (source, target), strict=True):
            static.copy_(given)
        self._graph.replay()
        state = self._state
        state.step += 1
        if state.ema is not None:
            state.ema.update(state.generator)
        return dict(zip(self._names, self._figures.clone().unbind(), strict=True))

    def _warmed(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Runs on a stream of its own, as what is captured later does."""
        stream = torch.cuda.Stream(self._state.device)
        stream.wait_stream(torch.cuda.current_stream(self._state.device))
        with torch.cuda.stream(stream):
            figures = self._eager(source, target)
        torch.cuda.current_stream(self._state.device).wait_stream(stream)
        return figures

    def _groups(self) -> list[dict[str, Any]]:
        return [*self._state.optimizer_g.param_groups, *self._state.optimizer_d.param_groups]

    def _ready(self) -> bool:
        """Whether both optimisers have made their moments, which no graph may do."""
        return all(
            optimizer.state or all(p.grad is None for group in groups for p in group["params"])
            for optimizer in (self._state.optimizer_g, self._state.optimizer_d)
            for groups in [optimizer.param_groups]
        )

    def _capture(self, source: Tensor, target: Tensor) -> None:
        state = self._state
        self._inputs = source.clone(), target.clone()
        # The average's weight changes with the step, and is applied outside the graph.
        ema, state.ema, step = state.ema, None, state.step
        for group in self._groups():
            group["capturable"] = True
        try:
            with torch.cuda.device(state.device):
                graph = torch.cuda.CUDAGraph()
                stream = torch.cuda.Stream(state.device)
                # Of this thread alone: one that pins batches may go on beside it.
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    figures = self._eager(*self._inputs)
                    self._figures = torch.stack([value.float() for value in figures.values()])
        except RuntimeError as error:
            cause = str(error.__context__ or error).partition("\n")[0]
            raise RunError(
                f"the step could not be captured as a CUDA graph ({cause}): train without "
                "--cuda-graph",
                see="no-cuda-graph",
            ) from error
        finally:
            state.ema, state.step = ema, step  # nothing has run yet
            for group in self._groups():
                group["capturable"] = False
        self._names, self._graph = list(figures), graph
