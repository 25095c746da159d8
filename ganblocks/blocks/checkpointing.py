"""Gradient checkpointing whose second forward pass repeats the first and changes no buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.checkpoint import checkpoint

Run = Callable[..., Tensor]
Entry = tuple[dict[str, Any], str, Tensor | None]
"""A module's dictionary of parameters or buffers, a key and a value."""


def checkpointed(parts: Sequence[nn.Module], run: Run, *inputs: Tensor | None) -> Tensor:
    """Runs part of a network, and reruns it in the backward pass instead of storing activations.

    The second run starts from the same parameters and buffers and leaves the buffers unchanged:
    running statistics count each batch once, and spectral norm divides by the same value.
    """
    if not torch.compiler.is_compiling():
        return _checkpointed(parts, run, *inputs)
    if any(is_parametrized(module) for part in parts for module in part.modules()):
        # torch.compile breaks the graph at spectral norm, and would update its buffers twice.
        return torch.compiler.disable(_checkpointed)(parts, run, *inputs)  # type: ignore[no-any-return]
    return checkpoint(run, *inputs, use_reentrant=False)  # type: ignore[no-any-return]


def _checkpointed(parts: Sequence[nn.Module], run: Run, *inputs: Tensor | None) -> Tensor:
    snapshot = _Snapshot(parts)
    result: Tensor = checkpoint(
        run, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), snapshot)
    )
    return result


class _Snapshot:
    """A snapshot of modules' tensors, which the modules use while the context is active."""

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
        copies = [(tensors, name, value.clone()) for tensors, name, value in self.buffers]
        snapshot: list[Entry] = [*self.parameters, *copies]
        self.current: list[Entry] = [
            (tensors, name, tensors[name]) for tensors, name, _ in snapshot
        ]
        for tensors, name, value in snapshot:
            tensors[name] = value

    def __exit__(self, *_: object) -> None:
        for tensors, name, value in self.current:
            tensors[name] = value
