"""Dead channels: those whose activation is one constant, for every image and place."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks import ACTIVATIONS
from ganblocks.spec import registered_name

# The values of a channel are few at the bottleneck, and there sound channels may all be off:
# four images at 4×4 are enough.
VALUES = 64
# fp32 rounds at 6e-8 of the layer's largest value.
CONSTANT = 1e-6


class ChannelRanges:
    """Records the smallest and the largest value of each channel of every activation.

    Examples:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
        >>> _ = network[0].bias.data.copy_(torch.tensor([-1000.0, 1000.0]))
        >>> ranges = ChannelRanges(network)
        >>> _ = network(torch.randn(1, 1, 8, 8))
        >>> ranges.dead()
        {'1': 0.5}
    """

    def __init__(self, network: nn.Module) -> None:
        self._calls: Counter[str] = Counter()
        self._seen: dict[tuple[str, int], tuple[Tensor, Tensor, int]] = {}
        network.register_forward_pre_hook(self._begin)
        for name, module in network.named_modules():
            if _is_activation(module):
                module.register_forward_hook(partial(self._note, name))

    def dead(self) -> dict[str, float]:
        """Returns the share of dead channels of each activation that has some."""
        found: dict[str, float] = {}
        for (name, _), (low, high, values) in self._seen.items():
            size = torch.maximum(low.abs(), high.abs()).max()
            share = (high - low <= CONSTANT * size).float().mean().item()
            if share and values >= VALUES:
                found[name] = max(share, found.get(name, 0.0))
        return found

    def _begin(self, *_: object) -> None:
        self._calls.clear()

    def _note(self, name: str, _module: nn.Module, _inputs: Any, made: Any) -> None:
        if not isinstance(made, Tensor) or made.dim() != 4:
            return
        # One activation may stand in several places: the n-th call is the n-th place.
        place = (name, self._calls[name])
        self._calls[name] += 1
        low, high = made.amin((0, 2, 3)), made.amax((0, 2, 3))
        values = made.numel() // made.shape[1]
        if place in self._seen:
            before = self._seen[place]
            low, high = torch.minimum(low, before[0]), torch.maximum(high, before[1])
            values += before[2]
        self._seen[place] = low, high, values


def _is_activation(module: nn.Module) -> bool:
    of_torch = any(kind.__module__ == nn.ReLU.__module__ for kind in type(module).__mro__)
    return of_torch or registered_name(type(module)) in ACTIVATIONS
