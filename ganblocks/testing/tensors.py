"""Small tools of the checks: seeds, named tensors, and comparing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
"""Tensors by a name that a message can use."""


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Seeds torch's random numbers inside, and restores the caller's afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def named(value: object, name: str = "output") -> Tensors:
    """Names every tensor in nested lists, tuples and dicts.

    Examples:
        >>> list(named([torch.zeros(1), (torch.zeros(2),)]))
        ['output[0]', 'output[1][0]']
    """
    if isinstance(value, Tensor):
        return {name: value}
    found: Tensors = {}
    if isinstance(value, Mapping):
        for key, item in value.items():
            found.update(named(item, f"{name}[{key!r}]"))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            found.update(named(item, f"{name}[{number}]"))
    return found


def difference(got: Tensors, expected: Tensors, tolerance: float = 1e-6) -> str:
    """Says where two sets of tensors differ; the empty string where they agree.

    `tolerance` is a fraction of the largest expected value of that tensor, or of a millionth of the
    largest of all, so that rounding around a true zero is none; 0 asks for the same bits.

    Examples:
        >>> difference({"x": torch.ones(2)}, {"x": torch.tensor([1.0, 2.0])})
        'x differs by 0.5 of its largest value'
    """
    if got.keys() != expected.keys():
        return f"got {sorted(got)} in place of {sorted(expected)}"
    largest = max((_largest(tensor) for tensor in expected.values()), default=0.0)
    for name, right in expected.items():
        left = got[name]
        if left.shape != right.shape:
            return f"{name} has shape {tuple(left.shape)} in place of {tuple(right.shape)}"
        if left.dtype != right.dtype:
            return f"{name} is {left.dtype} in place of {right.dtype}"
        if torch.equal(left, right):
            continue
        scale = max(_largest(right), 1e-6 * largest)
        off = _largest(left.double() - right.double())
        if not off <= tolerance * scale:  # written so that NaN differs
            return f"{name} differs by {off / scale if scale else off:.2g} of its largest value"
    return ""


def _largest(tensor: Tensor) -> float:
    return tensor.detach().double().abs().max().item() if tensor.numel() else 0.0
