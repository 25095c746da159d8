"""What keeps a step that is not finite away from the weights, without waiting for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ganblocks.training.state import TrainState


class Guard:
    """Takes back what the first half of a step changed, once its second half has failed.

    The discriminator is updated before the generator's loss is known. Where a gradient of either
    is not finite, the discriminator, its optimiser and all buffers are put back to where they were
    before the step: a flag on the device decides, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._copies: list[Tensor] = []
        self._fresh = False

    @torch.no_grad()
    def keep(self, state: TrainState, objective: nn.Module) -> None:
        """Copies what a step is about to change, into the same memory each time.

        Args:
            state: The training.
            objective: What is minimised; its terms may remember something in buffers.
        """
        self._fresh = not state.optimizer_d.state
        watched = _changing(state, objective)
        if [x.shape for x in watched] != [x.shape for x in self._copies]:
            self._copies = [torch.empty_like(x) for x in watched]
        torch._foreach_copy_(self._copies, watched)

    @torch.no_grad()
    def undo_if(self, failed: Tensor, state: TrainState, objective: nn.Module) -> None:
        """Puts everything back where the flag is set.

        Args:
            failed: A boolean scalar on the device.
            state: The training.
            objective: What is minimised.
        """
        # On the CPU the flag is at hand; at the first step there is no optimiser's state to keep.
        if (failed.device.type == "cpu" or self._fresh) and not failed:
            return
        if self._fresh:
            state.optimizer_d.state.clear()
        # Looked up anew: a buffer may have been replaced by another tensor in between.
        for tensor, copy in zip(_changing(state, objective), self._copies, strict=True):
            tensor.copy_(torch.where(failed.to(tensor.device), copy, tensor))


def _changing(state: TrainState, objective: nn.Module) -> list[Tensor]:
    moments = [v for entry in state.optimizer_d.state.values() for v in entry.values()]
    modules = (state.generator, state.discriminator, objective)
    return [
        *(p for p in state.discriminator.parameters() if p.requires_grad),
        *(v for v in moments if isinstance(v, Tensor)),
        *(buffer for module in modules for buffer in module.buffers()),
    ]
