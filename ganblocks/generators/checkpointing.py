"""Gradient checkpointing in which the second run changes no buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Buffers = list[tuple[nn.Module, str, Tensor]]


def checkpointed(
    parts: Sequence[nn.Module], run: Callable[..., Tensor], *inputs: Tensor | None
) -> Tensor:
    """Runs a part of a network, and runs it again in the backward pass to save its maps' memory.

    The second run starts from the buffers of the first, and leaves them alone: no batch counts
    twice in a batch norm's running statistics, and spectral norm divides by the same value.

    Args:
        parts: The modules that `run` uses.
        run: A function of the inputs.
        *inputs: Feature maps.

    Example:
        >>> norm = nn.BatchNorm2d(2)
        >>> x = torch.randn(2, 2, 4, 4, requires_grad=True)
        >>> checkpointed([norm], norm, x).sum().backward()
        >>> int(norm.num_batches_tracked)
        1
    """
    if torch.compiler.is_compiling():  # its graph writes each buffer once, whatever runs again
        compiled: Tensor = checkpoint(run, *inputs, use_reentrant=False)
        return compiled
    before = [
        (module, name, buffer.clone())
        for part in parts
        for module in part.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    result: Tensor = checkpoint(
        run, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _lent(before))
    )
    return result


@contextmanager
def _lent(buffers: Buffers) -> Iterator[None]:
    own = [(module, name, getattr(module, name)) for module, name, _ in buffers]
    try:
        for module, name, value in buffers:
            setattr(module, name, value.clone())
        yield
    finally:
        for module, name, value in own:
            setattr(module, name, value)
