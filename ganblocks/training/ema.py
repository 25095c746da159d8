"""The exponential moving average of a network's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.blocks.statistics import copied
from ganblocks.distributed.sharding import full_state_dict, load_full_state_dict
from ganblocks.errors import OptionError
from ganblocks.training.buffer_rules import averaged_buffers, copy_buffers, recomputations
from ganblocks.training.state_check import require_like

EMA_STATE = {"updates": 0, "network": None}
"""The form of `EMA.state_dict`, for `require_like`."""


@checked
class EMA:
    """Running average of a network's weights, whose outputs vary less between steps.

    θ̄ ← d θ̄ + (1 − d) θ after each step n = 0, 1, …, with d = min(decay, (1 + n) / (10 + n)), so
    that the initial weights soon lose influence (Polyak and Juditsky, 1992; with the warm-up of
    TensorFlow's average). Buffers follow the rule of the class that owns them, see
    `register_buffer_rule`: running statistics are averaged, the vectors of spectral norm are
    recomputed from the averaged weights, and others are copied.

    Args:
        network: The network; the average starts as its copy.
        decay: Fraction of the average that is kept at each step, in [0, 1).
        warmup: Whether d starts small; otherwise d is `decay` from the first step.

    Raises:
        OptionError: `decay` is not in [0, 1), or the network cannot be copied.

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
            raise OptionError(f"decay is {decay!r}: write a number in [0, 1), such as 0.999")
        self.decay = decay
        self.warmup = warmup
        self.updates = 0
        self._network = copied(network).requires_grad_(False)
        self._recomputations = recomputations(self._network)
        self._is_stale = False

    @property
    def network(self) -> nn.Module:
        """The averaged network; after an update, its buffers are recomputed on first access."""
        if self._is_stale:
            self._is_stale = False
            for recompute in self._recomputations:
                recompute()
        return self._network

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Moves the average toward the network's current weights.

        Args:
            network: The network.
        """
        n = self.updates
        decay = min(self.decay, (1 + n) / (10 + n)) if self.warmup else self.decay
        # Separately: the parameters of a sharded network are sharded, its buffers are not.
        groups: list[tuple[list[Tensor], list[Tensor]]] = [
            ([*self._network.parameters()], [*network.parameters()]),
            (averaged_buffers(self._network), averaged_buffers(network)),
        ]
        for average, now in groups:
            if average:
                torch._foreach_lerp_(average, now, 1 - decay)
        copy_buffers(self._network, network)
        self.updates = n + 1
        self._is_stale = True

    def state_dict(self) -> dict[str, Any]:
        """Returns the averaged network and the number of updates."""
        return {"updates": self.updates, "network": full_state_dict(self.network)}

    def load_state_dict(self, state: dict[str, Any], source: str = "the checkpoint") -> None:
        """Restores a state dict.

        Args:
            state: The result of `state_dict`.
            source: Where the state came from, for error messages.

        Raises:
            RunError: The state belongs to a different network.
        """
        require_like(state, EMA_STATE, source)
        load_full_state_dict(self.network, state["network"], source)
        self.updates = state["updates"]
