"""A player's loss whose gradients are averaged over processes (DDP)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ganblocks.distributed.graph import leaves_of
from ganblocks.losses import LossTerms
from ganblocks.tasks import Batch, Task

# Each process keeps its buffers: to write rank 0's into them would break the graph of a
# discriminator that runs twice before its backward pass. Newer torch has another word for it.
_WORDS = inspect.signature(DistributedDataParallel).parameters
_OWN_BUFFERS: dict[str, Any] = {
    ("forward_sync_buffers" if "forward_sync_buffers" in _WORDS else "broadcast_buffers"): False
}


class _Loss(nn.Module):
    """A task's loss for one player, as a module that has the player's networks alone."""

    def __init__(self, task: Task, player: str, networks: Sequence[nn.Module], parts: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.found = LossTerms()
        self.trained = [p for p in self.networks.parameters() if p.requires_grad]
        # Its gradient goes round with theirs, and counts the processes that have reached each.
        self.reached = nn.Parameter(self.trained[0].new_zeros(len(self.trained)))
        self.reaches_all = True
        self._call = partial(task.loss, player)  # not a submodule: its parameters are others'
        self._parts = parts

    def forward(self, batch: Batch, made: dict[str, Any]) -> Tensor:
        self.found = LossTerms.of(self._call(batch, made))
        total = self.found.total(self._parts)
        if not total.requires_grad:
            return total
        leaves = leaves_of(total)
        reached = [id(p) in leaves for p in self.trained]
        self.reaches_all = all(reached)
        if self.reaches_all:
            return total + self.reached.sum()
        # DDP waits for every parameter: one that the loss does not reach gets a gradient of 0.
        zeros = [p.flatten()[:0].sum() for p, r in zip(self.trained, reached, strict=True) if not r]
        return total + (self.reached * self.reached.new_tensor(reached)).sum() + sum(zeros)


class SyncedLoss:
    """Wraps one player's loss, not its networks: a task may call them as it likes.

    However often the loss runs a network, by whichever method, the gradients of a backward pass
    are averaged over the processes as they come (Li et al., VLDB 2020).
    """

    def __init__(self, task: Task, player: str, networks: Sequence[nn.Module], parts: int) -> None:
        self._loss = _Loss(task, player, networks, parts)
        self._synced = DistributedDataParallel(
            self._loss, gradient_as_bucket_view=True, **_OWN_BUFFERS
        )

    def __call__(self, batch: Batch, made: dict[str, Any]) -> tuple[LossTerms, Tensor]:
        """Runs the loss; the gradients of the total that it returns are averaged."""
        total: Tensor = self._synced(batch, made)
        return self._loss.found, total

    def no_sync(self) -> AbstractContextManager[object]:
        """Opens the context of a part that another follows: its gradients stay here."""
        return self._synced.no_sync()

    def drop_unused(self) -> None:
        """Takes the gradients of 0 from parameters that no process's loss has reached."""
        loss, counts = self._loss, self._loss.reached.grad
        if counts is not None and not loss.reaches_all:
            for parameter, count in zip(loss.trained, counts.tolist(), strict=True):
                if not count:
                    parameter.grad = None
        loss.reached.grad = None
