"""Seeding, and naming and comparing tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
"""Tensors by their names in messages."""


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Seeds torch's generator of the CPU inside a block, and restores its state afterward."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs, too
        yield


def named(value: object, name: str = "output") -> Tensors:
    """Names every tensor in nested lists, tuples and dicts.

    Examples:
        >>> list(named([torch.zeros(1), (torch.zeros(2),)]))
        ['output[0]', 'output[1][0]']
    """
    if isinstance(value, Tensor):
        return {name: value}
    items: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    return {n: x for key, item in items for n, x in named(item, f"{name}[{key!r}]").items()}


def difference(result: Tensors, expected: Tensors, tolerance: float = 1e-6) -> str:
    """Describes the first difference of two sets of tensors; empty if they agree.

    `tolerance` is relative to the largest expected value of the tensor, or to a millionth of the
    largest of all, to ignore rounding errors around zero; 0 requires bit equality.

    Examples:
        >>> difference({"x": torch.ones(2)}, {"x": torch.tensor([1.0, 2.0])})
        'x differs by 0.5 of its largest value'
    """
    if result.keys() != expected.keys():
        return f"got {sorted(result)} instead of {sorted(expected)}"
    largest = max((_largest(tensor) for tensor in expected.values()), default=0.0)
    for name, right in expected.items():
        left = result[name]
        if left.shape != right.shape:
            return f"{name} has shape {tuple(left.shape)} instead of {tuple(right.shape)}"
        if left.dtype != right.dtype:
            return f"{name} is {left.dtype} instead of {right.dtype}"
        if torch.equal(left, right):
            continue
        scale = max(_largest(right), 1e-6 * largest)
        error = _largest(left.double() - right.double())
        if not error <= tolerance * scale:  # true for NaN
            return f"{name} differs by {error / scale if scale else error:.2g} of its largest value"
    return ""


def _largest(tensor: Tensor) -> float:
    return tensor.detach().double().abs().max().item() if tensor.numel() else 0.0
