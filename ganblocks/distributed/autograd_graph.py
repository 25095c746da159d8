"""Helpers for the autograd graphs of nested tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


def leaf_ids(value: Any) -> set[int]:
    """Returns the ids of the leaf tensors that the graph of a value reaches."""
    pending: list[Any] = []
    _map(value, lambda x: pending.append(x.grad_fn))
    seen, leaves = set(), set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        pending += [next_node for next_node, _ in node.next_functions]
    return leaves


def requires_grad(value: Any) -> bool:
    """Returns whether any tensor in a value requires a gradient."""
    flags: list[bool] = []
    _map(value, lambda x: flags.append(x.requires_grad))
    return any(flags)


def detached(value: Any) -> Any:
    """Returns a value without its graph."""
    return _map(value, Tensor.detach)


def _map(value: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: _map(item, function) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map(item, function) for item in value]
    return value
