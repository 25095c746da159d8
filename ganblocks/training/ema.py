"""The exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from ganblocks.errors import OptionError
from ganblocks.training.sharding import load_whole, whole_state_dict


class EMA:
    """Keeps a running average of a network: its pictures change less from step to step.

    θ̄ ← d θ̄ + (1 − d) θ after each step n = 0, 1, …, with d = min(decay, (1 + n) / (10 + n)), so
    that the first weights are soon forgotten (Polyak and Juditsky, 1992; with the
    warm-up of TensorFlow's own average). Buffers of floats are averaged alike, others copied.

    Args:
        network: The network; the average begins as its copy.
        decay: How much of the average stays, at least 0 and below 1.
        warmup: Whether d begins small; without it d is `decay` from the first step.

    Raises:
        OptionError: `decay` is not in [0, 1).

    Examples:
        >>> network = nn.Linear(1, 1)
        >>> ema = EMA(network, decay=0.9, warmup=False)
        >>> start = ema.network.weight.item()
        >>> _ = nn.init.constant_(network.weight, start + 1)
        >>> ema.update(network)
        >>> round(ema.network.weight.item() - start, 4)
        0.1
    """

    def __init__(self, network: nn.Module, decay: float = 0.999, *, warmup: bool = True) -> None:
        if isinstance(decay, bool) or not isinstance(decay, int | float) or not 0 <= decay < 1:
            raise OptionError(
                f"decay is {decay!r}: write a number from 0 to below 1, such as 0.999"
            )
        self.decay = decay
        self.warmup = warmup
        self.updates = 0
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Moves the average towards a network's weights of now.

        Args:
            network: The network that it averages.
        """
        n = self.updates
        decay = min(self.decay, (1 + n) / (10 + n)) if self.warmup else self.decay
        average = self.network
        _lerp(list(average.parameters()), list(network.parameters()), 1 - decay)
        buffers = list(zip(average.buffers(), network.buffers(), strict=True))
        floats = [(a, b) for a, b in buffers if a.is_floating_point()]
        _lerp([a for a, _ in floats], [b for _, b in floats], 1 - decay)
        for a, b in buffers:
            if not a.is_floating_point():
                a.copy_(b)
        self.updates = n + 1

    def state_dict(self) -> dict[str, Any]:
        """Gives the average and the count of its updates."""
        return {"updates": self.updates, "network": whole_state_dict(self.network)}

    def load_state_dict(self, state: dict[str, Any], source: str = "the checkpoint") -> None:
        """Puts back what `state_dict` gave.

        Args:
            state: What `state_dict` gave.
            source: Where it came from, for the message of an error.

        Raises:
            RunError: It is of another network.
        """
        load_whole(self.network, state["network"], source)
        self.updates = int(state["updates"])


def _lerp(average: list[Any], now: list[Any], weight: float) -> None:
    if average:
        torch._foreach_lerp_(average, now, weight)
