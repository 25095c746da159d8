"""Rules for the buffers of averaged networks, averaged over time or over processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks.spectral import singular_vectors
from ganblocks.torch_classes import SpectralNorm, StatisticsNorm

Recompute = Callable[[nn.Module, nn.Module], Callable[[], object]]
"""Takes (owner, network); returns a function that recomputes the owner's buffers."""

_RULES: dict[type[nn.Module], str | Recompute] = {
    StatisticsNorm: "average",
    SpectralNorm: singular_vectors,
}


def register_buffer_rule(module_type: type[nn.Module], rule: str | Recompute) -> None:
    """Sets how the buffers of a class of modules, and of its subclasses, are averaged.

    Without a rule they are copied: from the network to its running average, and from rank 0 to
    the checkpoint of several processes.

    Args:
        module_type: The class.
        rule: `"average"`, to average them like the weights, if their mean is meaningful (running
            statistics); `"copy"`; or a function that takes (owner, network) and returns a function
            that recomputes them.

    Examples:
        >>> class Counter(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_buffer("mean", torch.zeros(1))
        >>> register_buffer_rule(Counter, "average")
        >>> buffer_rule(Counter())
        'average'
    """
    _RULES[module_type] = rule


def buffer_rule(owner: nn.Module) -> str | Recompute:
    """Returns the rule of the owner's class, or of its closest ancestor that has one."""
    return next((_RULES[kind] for kind in type(owner).__mro__ if kind in _RULES), "copy")


def averaged_buffers(*modules: nn.Module) -> list[Tensor]:
    """Returns the floating-point buffers whose rule is `"average"`, in a fixed order."""
    owners = dict.fromkeys(owner for module in modules for owner in module.modules())
    return [
        buffer
        for owner in owners
        if buffer_rule(owner) == "average"
        for buffer in owner.buffers(recurse=False)
        if buffer.is_floating_point()
    ]


def recomputations(network: nn.Module) -> list[Callable[[], Any]]:
    """Returns the functions that recompute a network's buffers, where a rule is a function."""
    rules = [(owner, buffer_rule(owner)) for owner in network.modules()]
    return [rule(owner, network) for owner, rule in rules if not isinstance(rule, str)]


@torch.no_grad()
def copy_buffers(average: nn.Module, network: nn.Module) -> None:
    """Copies the buffers that are neither averaged nor recomputed."""
    for target, source in zip(average.modules(), network.modules(), strict=True):
        rule = buffer_rule(source)
        buffers = (target.buffers(recurse=False), source.buffers(recurse=False))
        for ours, theirs in zip(*buffers, strict=True):
            if rule == "copy" or (rule == "average" and not theirs.is_floating_point()):
                ours.copy_(theirs)
