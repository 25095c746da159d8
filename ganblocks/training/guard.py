"""What keeps a step that is not finite away from the weights, without waiting for the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ganblocks.training.state import TrainState


class Guard:
    """Takes back what the first half of a step changed, once its second half has failed.

    The discriminator is updated before the generator's loss is known. Where a gradient of either
    is not finite, the discriminator, its optimiser and all buffers are put back to where they were
    before the step: a flag on the device decides, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._fresh = False

    @torch.no_grad()
    def keep(self, state: TrainState, others: Iterable[Tensor] = ()) -> None:
        """Copies what a step is about to change, into the same memory each time.

        Args:
            state: The training.
            others: Further tensors that change within a step, such as an objective's memory.
        """
        moments = [v for entry in state.optimizer_d.state.values() for v in entry.values()]
        self._fresh = not moments
        watched = [
            *(p for p in state.discriminator.parameters() if p.requires_grad),
            *(v for v in moments if isinstance(v, Tensor)),
            *_floats(state.generator.buffers()),
            *_floats(state.discriminator.buffers()),
            *_floats(others),
        ]
        known = len(watched) == len(self._kept) and all(
            new is old for new, (old, _) in zip(watched, self._kept, strict=True)
        )
        if not known:
            self._kept = [(x, torch.empty_like(x)) for x in watched]
        torch._foreach_copy_([copy for _, copy in self._kept], watched)

    @torch.no_grad()
    def undo_if(self, failed: Tensor, state: TrainState) -> None:
        """Puts everything back where the flag is set.

        Args:
            failed: A boolean scalar on the device.
            state: The training.
        """
        # On the CPU the flag is at hand; at the first step there is no optimiser's state to keep.
        if (failed.device.type == "cpu" or self._fresh) and not failed:
            return
        for tensor, copy in self._kept:
            tensor.copy_(torch.where(failed.to(tensor.device), copy, tensor))
        if self._fresh:
            state.optimizer_d.state.clear()


def _floats(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [x for x in tensors if x.is_floating_point()]
