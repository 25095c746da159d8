"""Dead channels: their activation is constant over all images and positions."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks import ACTIVATIONS
from ganblocks.spec import registered_name

# At the bottleneck, a channel has few values, which may all be 0 by chance; four images of 4×4 are
# enough.
VALUES = 64
# The rounding error of fp32 is 6e-8 of the layer's largest value.
CONSTANT = 1e-6


class ChannelRanges:
    """Records the smallest and largest value of each channel of every activation."""

    def __init__(self, network: nn.Module) -> None:
        self._calls: Counter[str] = Counter()
        self._ranges: dict[tuple[str, int], tuple[Tensor, Tensor, int]] = {}
        network.register_forward_pre_hook(self._begin)
        for name, module in network.named_modules():
            if _is_activation(module):
                module.register_forward_hook(partial(self._note, name))

    def dead(self) -> dict[str, float]:
        """Returns the fraction of dead channels, by the name of each activation that has any."""
        dead: dict[str, float] = {}
        for (name, _), (low, high, values) in self._ranges.items():
            size = torch.maximum(low.abs(), high.abs()).max()
            share = (high - low <= CONSTANT * size).float().mean().item()
            if share and values >= VALUES:
                dead[name] = max(share, dead.get(name, 0.0))
        return dead

    def _begin(self, *_: object) -> None:
        self._calls.clear()

    def _note(self, name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            return
        key = (name, self._calls[name])  # a module may be called several times in one forward
        self._calls[name] += 1
        low, high = output.amin((0, 2, 3)), output.amax((0, 2, 3))
        values = output.numel() // output.shape[1]
        if key in self._ranges:
            before = self._ranges[key]
            low, high = torch.minimum(low, before[0]), torch.maximum(high, before[1])
            values += before[2]
        self._ranges[key] = low, high, values


def _is_activation(module: nn.Module) -> bool:
    of_torch = any(kind.__module__ == nn.ReLU.__module__ for kind in type(module).__mro__)
    return of_torch or registered_name(type(module)) in ACTIVATIONS
