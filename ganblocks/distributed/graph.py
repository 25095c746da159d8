"""The autograd graph of what a task made: which parameters it reaches, and cut off from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


def leaves_of(value: Any) -> set[int]:
    """Returns the ids of the leaf tensors that the graph of a value reaches."""
    waiting: list[Any] = []
    _mapped(value, lambda x: waiting.append(x.grad_fn))
    seen, found = set(), set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        waiting += [following for following, _ in node.next_functions]
    return found


def takes_gradients(value: Any) -> bool:
    """Whether any tensor of a value requires gradients."""
    found: list[bool] = []
    _mapped(value, lambda x: found.append(x.requires_grad))
    return any(found)


def detached(value: Any) -> Any:
    """Returns a value without its graph."""
    return _mapped(value, Tensor.detach)


def _mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    return value
