"""A player's loss whose gradients are averaged over processes (DDP)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ganblocks.autograd_graph import leaf_ids
from ganblocks.losses import LossTerms
from ganblocks.tasks import Batch, Task

# Each process keeps its buffers: broadcasting rank 0's would break the graph of a discriminator
# that runs twice before its backward pass. Newer versions of torch renamed the argument.
_ARGUMENTS = inspect.signature(DistributedDataParallel).parameters
_NO_BROADCAST: dict[str, Any] = {
    ("forward_sync_buffers" if "forward_sync_buffers" in _ARGUMENTS else "broadcast_buffers"): False
}


class _LossModule(nn.Module):
    """A task's loss for one player, as a module whose submodules are the player's networks."""

    def __init__(self, task: Task, player: str, networks: Sequence[nn.Module], parts: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.terms = LossTerms()
        self.trained = [p for p in self.networks.parameters() if p.requires_grad]
        # Its gradient is averaged with theirs, and is 0 for parameters no process has used.
        self.used = nn.Parameter(self.trained[0].new_zeros(len(self.trained)))
        self.uses_all = True
        self._loss = partial(task.loss, player)  # not a submodule: it has other players' parameters
        self._parts = parts

    def forward(self, batch: Batch, generated: dict[str, Any]) -> Tensor:
        self.terms = LossTerms.of(self._loss(batch, generated))
        total = self.terms.total(self._parts)
        if not total.requires_grad:
            return total
        leaves = leaf_ids(total)
        used = [id(p) in leaves for p in self.trained]
        self.uses_all = all(used)
        if self.uses_all:
            return total + self.used.sum()
        # DDP waits for every parameter: unused ones get a gradient of 0.
        zeros = [p.flatten()[:0].sum() for p, u in zip(self.trained, used, strict=True) if not u]
        return total + (self.used * self.used.new_tensor(used)).sum() + sum(zeros)


class DDPLoss:
    """Wraps one player's loss rather than its networks, so a task may call them as it likes.

    The gradients of one backward pass are averaged over the processes as they arrive (Li et al.,
    VLDB 2020), however often, and through whichever methods, the loss runs a network.
    """

    def __init__(self, task: Task, player: str, networks: Sequence[nn.Module], parts: int) -> None:
        self._loss = _LossModule(task, player, networks, parts)
        self._ddp = DistributedDataParallel(
            self._loss, gradient_as_bucket_view=True, **_NO_BROADCAST
        )

    def __call__(self, batch: Batch, generated: dict[str, Any]) -> tuple[LossTerms, Tensor]:
        """Returns the terms and their total, whose gradients are averaged."""
        total: Tensor = self._ddp(batch, generated)
        return self._loss.terms, total

    def no_sync(self) -> AbstractContextManager[object]:
        """Context for all micro-batches but the last: gradients are not averaged yet."""
        return self._ddp.no_sync()

    def drop_unused_gradients(self) -> None:
        """Removes the gradients of parameters that no process has used."""
        loss, counts = self._loss, self._loss.used.grad
        if counts is not None and not loss.uses_all:
            for parameter, count in zip(loss.trained, counts.tolist(), strict=True):
                if not count:
                    parameter.grad = None
        loss.used.grad = None
