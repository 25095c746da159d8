"""Helpers for the autograd graphs of nested tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def leaf_ids(value: Any) -> set[int]:
    """Returns the ids of the leaf tensors that the graph of a value reaches."""
    return {id(node.variable) for node in _nodes(value) if hasattr(node, "variable")}


def reaches(value: Any, tensor: Tensor) -> bool:
    """Returns whether the graph of a value reaches a tensor, without a backward pass."""
    return any(
        node is tensor.grad_fn or getattr(node, "variable", None) is tensor
        for node in _nodes(value)
    )


def requires_grad(value: Any) -> bool:
    """Returns whether any tensor in a value requires a gradient."""
    flags: list[bool] = []
    _map(value, lambda x: flags.append(x.requires_grad))
    return any(flags)


def detached(value: Any) -> Any:
    """Returns a value without its graph."""
    return _map(value, Tensor.detach)


def _nodes(value: Any) -> Iterator[Any]:
    """Yields the nodes of a value's graph, each once."""
    pending: list[Any] = []
    _map(value, lambda x: pending.append(x.grad_fn))
    seen = {None}
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            yield node
            pending += [next_node for next_node, _ in node.next_functions]


def _map(value: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: _map(item, function) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map(item, function) for item in value]
    return value
