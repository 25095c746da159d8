"""What keeps a step that is not finite away from the weights, without waiting for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ganblocks.training.state import TrainState

Name = tuple[Any, ...]
"""What a tensor is, and of what."""


class Guard:
    """Takes back what the first half of a step changed, once its second half has failed.

    The discriminator is updated before the generator's loss is known. Where a gradient of either
    is not finite, the discriminator, its optimiser and all buffers are put back to where they were
    before the step: a flag on the device decides, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._copies: dict[Name, Tensor] = {}

    @torch.no_grad()
    def keep(self, state: TrainState, objective: nn.Module) -> None:
        """Copies what a step is about to change, into the same memory each time.

        Args:
            state: The training.
            objective: What is minimised; its terms may remember something in buffers.
        """
        now = _changing(state, objective)
        if {k: x.shape for k, x in now.items()} != {k: x.shape for k, x in self._copies.items()}:
            self._copies = {key: torch.empty_like(tensor) for key, tensor in now.items()}
        if now:
            torch._foreach_copy_([self._copies[key] for key in now], list(now.values()))

    @torch.no_grad()
    def undo_if(self, failed: Tensor, state: TrainState, objective: nn.Module) -> None:
        """Puts everything back where the flag is set.

        Args:
            failed: A boolean scalar on the device.
            state: The training.
            objective: What is minimised.
        """
        # Looked up anew: a buffer may have been replaced by another tensor in between.
        now = _changing(state, objective)
        moments = state.optimizer_d.state
        made = [p for p, entry in moments.items() if not _kept_of(p, entry) <= self._copies.keys()]
        # On the CPU the flag is at hand; moments that the step has made have no copy to go back to.
        if (failed.device.type == "cpu" or made) and not failed:
            return
        for parameter in made:
            del moments[parameter]
        for key, copy in self._copies.items():
            tensor = now[key]
            tensor.copy_(torch.where(failed.to(tensor.device), copy, tensor))


def _changing(state: TrainState, objective: nn.Module) -> dict[Name, Tensor]:
    """Names the tensors that a step changes before its second half is known."""
    named: dict[Name, Tensor] = {
        ("weight", id(p)): p for p in state.discriminator.parameters() if p.requires_grad
    }
    for parameter, entry in state.optimizer_d.state.items():
        named |= {name: entry[name[-1]] for name in _kept_of(parameter, entry)}
    for module in (state.generator, state.discriminator, objective):
        named |= {("buffer", id(module), name): b for name, b in module.named_buffers()}
    return named


def _kept_of(parameter: Tensor, entry: dict[str, object]) -> set[Name]:
    return {("moment", id(parameter), k) for k, v in entry.items() if isinstance(v, Tensor)}
