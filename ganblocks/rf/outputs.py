"""Access to the output maps of a network, by number or key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError


@contextmanager
def kept_buffers(module: nn.Module) -> Iterator[None]:
    """Context that restores a network's buffers, such as running statistics, afterward."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)


def named_outputs(outputs: Any) -> dict[Any, Any]:
    """Returns a network's outputs by number or key; a single map is number 0.

    Examples:
        >>> named_outputs(["near", "far"])
        {0: 'near', 1: 'far'}
    """
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return dict(enumerate(outputs if isinstance(outputs, list | tuple) else [outputs]))


def select_output(outputs: Any, output: Any) -> Any:
    """Returns one of a network's outputs."""
    known = named_outputs(outputs)
    if output not in known:
        raise OptionError(f"output is {output!r}: the network returns {list(known)}")
    return known[output]


def map_outputs(outputs: Any, change: Callable[[Any, Any], Any]) -> Any:
    """Replaces each output by `change(output, key)`; a list becomes a tuple."""
    changed = {key: change(value, key) for key, value in named_outputs(outputs).items()}
    if isinstance(outputs, Mapping):
        return changed
    return tuple(changed.values()) if isinstance(outputs, list | tuple) else changed[0]


def values_at(output: Tensor, index: Sequence[int]) -> Tensor:
    """Returns the values of all channels at one place of a map (B, C, *spatial)."""
    place, size = tuple(index), tuple(output.shape[2:])
    if len(place) != len(size) or any(not 0 <= i < n for i, n in zip(place, size, strict=True)):
        raise OptionError(f"index {place}: the output is {size}")
    values = output.flatten(0, 1)
    for i in place:
        values = values[:, i]
    return values
