"""The processes that train together, as `torchrun` starts them; without it there is one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from ganblocks.errors import OptionError


@dataclass(frozen=True)
class DistributedContext:
    """How many processes train together, and which one this is.

    Attributes:
        rank: This process, from 0.
        size: All of them.

    Examples:
        >>> DistributedContext.current()
        DistributedContext(rank=0, size=1)
        >>> DistributedContext.current().max(15), DistributedContext.current().gather("mine")
        (15, ['mine'])
        >>> DistributedContext.current().average([torch.ones(2)])  # of one process: nothing changes
        >>> with DistributedContext.current().main_process_first():
        ...     pass  # a download
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> DistributedContext:
        """Returns the processes that `process_group` has joined; without it this one alone."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def is_main_process(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def max(self, number: int) -> int:
        """Returns the largest of all processes' numbers; all must ask.

        Args:
            number: This process's own.
        """
        if self.size == 1:
            return number
        word = torch.tensor(number, device=_device())
        dist.all_reduce(word, dist.ReduceOp.MAX)
        return int(word)

    def gather(self, own: Any) -> list[Any] | None:
        """Brings what each process has to the one that writes; all must ask.

        Args:
            own: Tensors, numbers, text, lists and dictionaries.

        Returns:
            In the order of the ranks, their tensors on the CPU; None in the processes that do not
            write.
        """
        if self.size == 1:
            return [own]
        # As bytes: a tensor of another process's GPU must not come to lie on it here as well.
        packed = io.BytesIO()
        torch.save(own, packed)
        everyone: list[Any] | None = [None] * self.size if self.is_main_process else None
        dist.gather_object(packed.getvalue(), everyone)
        if everyone is None:
            return None
        return [
            torch.load(io.BytesIO(one), map_location="cpu", weights_only=True) for one in everyone
        ]

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Makes tensors of floats the means over all processes, in one message; all must ask.

        Args:
            tensors: They are changed in place.
        """
        own = list(tensors)
        if self.size == 1 or not own:
            return
        flat = torch.cat([x.detach().flatten().to(_device(), torch.float64) for x in own])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(own, flat.split([x.numel() for x in own]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        """Lets the process that writes go first, and the others after it: for a download."""
        if self.size > 1 and not self.is_main_process:
            dist.barrier()
        try:
            yield
        finally:
            if self.size > 1 and self.is_main_process:
                dist.barrier()


@contextmanager
def process_group(device: torch.device) -> Iterator[DistributedContext]:
    """Joins the processes that `torchrun` has started, and leaves them at the end.

    They talk by NCCL on GPUs and by gloo elsewhere. Without `torchrun` it is one process, and
    nothing is joined.

    Args:
        device: Where this process trains, see `resolve_device`.

    Examples:
        >>> with process_group(torch.device("cpu")) as world:
        ...     world.size
        1
    """
    if not started_by_torchrun() or dist.is_initialized():
        yield DistributedContext.current()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device, **_meeting_place())
    else:
        dist.init_process_group("gloo", **_meeting_place())
    try:
        yield DistributedContext.current()
    finally:
        dist.destroy_process_group()


def started_by_torchrun() -> bool:
    """Tells whether this is one of the processes of a `torchrun`."""
    return dist.is_available() and dist.is_torchelastic_launched()


def restarted() -> bool:
    """Tells whether `torchrun` has started this process again, after one of them had failed.

    Examples:
        >>> restarted()
        False
    """
    return started_by_torchrun() and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_gpu(gpus: int) -> int:
    """Returns the GPU of this process among those of its machine.

    Examples:
        >>> local_gpu(1)
        0
    """
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    if rank >= gpus:
        processes = os.environ.get("LOCAL_WORLD_SIZE", rank + 1)
        raise OptionError(
            f"{processes} processes on this machine share {gpus} GPUs: write "
            f"torchrun --nproc-per-node {gpus}, or --device cpu"
        )
    return rank


def _meeting_place() -> dict[str, Any]:
    """Keeps restarted processes from the addresses that those before them left in the store.

    The store outlives a restart. Each machine counts its own restarts, so that the count tells
    one start from another where there is one machine, and there alone.
    """
    if os.environ.get("LOCAL_WORLD_SIZE") != os.environ.get("WORLD_SIZE"):
        return {}
    store, rank, size = next(rendezvous("env://"))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    fresh = dist.PrefixStore(f"start_{start}", store)  # type: ignore[attr-defined]
    return {"store": fresh, "rank": rank, "world_size": size}


def _device() -> torch.device:
    """Where the messages lie: NCCL takes those on the GPU alone."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
