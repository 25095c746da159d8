"""What becomes of buffers in an average, of a network over time or over processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrizations

from ganblocks.blocks.spectral import singular_vectors

Recompute = Callable[[nn.Module, nn.Module], Callable[[], object]]
"""(owner, network) → a function that computes the owner's buffers from the weights of now."""

_RULES: dict[type[nn.Module], str | Recompute] = {
    _NormBase: "average",
    parametrizations._SpectralNorm: singular_vectors,
}


def average_rule(kind: type[nn.Module], rule: str | Recompute) -> None:
    """Says what becomes of the buffers that modules of a class own, and of its subclasses.

    Without a rule they are copied: from the network to its running average, and from the first
    process to a checkpoint of several.

    Args:
        kind: The class.
        rule: `"average"`, as their weights, where that means something (running statistics);
            `"copy"`; or a function (owner, network) → function that recomputes them.

    Examples:
        >>> class Counter(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_buffer("mean", torch.zeros(1))
        >>> average_rule(Counter, "average")
        >>> rule_of(Counter())
        'average'
    """
    _RULES[kind] = rule


def rule_of(owner: nn.Module) -> str | Recompute:
    """Returns the rule of the nearest class that has one."""
    return next((_RULES[kind] for kind in type(owner).__mro__ if kind in _RULES), "copy")


def averaged_buffers(*modules: nn.Module) -> list[Tensor]:
    """Returns the buffers of numbers with a point whose rule is `"average"`, in one order."""
    owners = dict.fromkeys(owner for module in modules for owner in module.modules())
    return [
        buffer
        for owner in owners
        if rule_of(owner) == "average"
        for buffer in owner.buffers(recurse=False)
        if buffer.is_floating_point()
    ]


def recomputations(network: nn.Module) -> list[Callable[[], Any]]:
    """Returns what recomputes the buffers of a network whose rule is a function."""
    rules = [(owner, rule_of(owner)) for owner in network.modules()]
    return [rule(owner, network) for owner, rule in rules if not isinstance(rule, str)]


@torch.no_grad()
def copy_buffers(average: nn.Module, network: nn.Module) -> None:
    """Copies the buffers that are neither averaged nor recomputed."""
    for ours, theirs in zip(average.modules(), network.modules(), strict=True):
        rule = rule_of(theirs)
        for mine, now in _pairs(ours, theirs):
            if rule == "copy" or (rule == "average" and not now.is_floating_point()):
                mine.copy_(now)


def _pairs(ours: nn.Module, theirs: nn.Module) -> zip[tuple[Tensor, Tensor]]:
    return zip(ours.buffers(recurse=False), theirs.buffers(recurse=False), strict=True)
