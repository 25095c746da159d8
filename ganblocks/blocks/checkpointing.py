"""Gradient checkpointing in which the second run sees what the first saw, and changes no buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.checkpoint import checkpoint

Run = Callable[..., Tensor]
Place = tuple[dict[str, Any], str, Tensor | None]
"""A module's parameters or buffers, a name among them, and a value for it."""


def checkpointed(parts: Sequence[nn.Module], run: Run, *inputs: Tensor | None) -> Tensor:
    """Runs a part of a network, and runs it again in the backward pass to save its maps' memory.

    The second run starts from the parameters and buffers of the first, and leaves the buffers
    alone: no batch counts twice in a batch norm's running statistics, and spectral norm divides
    by the same value.
    """
    if not torch.compiler.is_compiling():
        return _checkpointed(parts, run, *inputs)
    if any(is_parametrized(module) for part in parts for module in part.modules()):
        # Torch's compiler breaks its graph at spectral norm, and would write its buffers twice.
        outside: Tensor = torch.compiler.disable(_checkpointed)(parts, run, *inputs)
        return outside
    compiled: Tensor = checkpoint(run, *inputs, use_reentrant=False)  # writes each buffer once
    return compiled


def _checkpointed(parts: Sequence[nn.Module], run: Run, *inputs: Tensor | None) -> Tensor:
    state = _State(parts)
    result: Tensor = checkpoint(
        run, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), state)
    )
    return result


class _State:
    """The tensors of some modules as they are now, lent to them for as long as it is entered."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        modules = [module for part in parts for module in part.modules()]
        self.parameters = [
            (module._parameters, name, value)
            for module in modules
            for name, value in module._parameters.items()
        ]
        self.buffers = [
            (module._buffers, name, buffer.clone())
            for module in modules
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]

    def __enter__(self) -> None:
        copies = [(at, name, value.clone()) for at, name, value in self.buffers]
        lent: list[Place] = [*self.parameters, *copies]
        self.own: list[Place] = [(at, name, at[name]) for at, name, _ in lent]
        for at, name, value in lent:
            at[name] = value

    def __exit__(self, *_: object) -> None:
        for at, name, value in self.own:
            at[name] = value
