"""The process group of `torchrun`, or a single process."""

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
    """The number of processes that train together, and the rank of this one.

    Attributes:
        rank: Rank of this process, counting from 0.
        world_size: Number of processes.

    Examples:
        >>> DistributedContext.current()
        DistributedContext(rank=0, world_size=1)
        >>> DistributedContext.current().max(15), DistributedContext.current().gather("mine")
        (15, ['mine'])
        >>> DistributedContext.current().average([torch.ones(2)])  # one process: does nothing
        >>> with DistributedContext.current().main_process_first():
        ...     pass  # a download
    """

    rank: int = 0
    world_size: int = 1

    @classmethod
    def current(cls) -> DistributedContext:
        """Returns the context of the current `process_group`, or that of a single process."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def is_main_process(self) -> bool:
        """Whether this is rank 0, which writes files and prints."""
        return self.rank == 0

    def max(self, number: int) -> int:
        """Returns the maximum over all processes; every process must call it.

        Args:
            number: The value from this process.
        """
        if self.world_size == 1:
            return number
        maximum = torch.tensor(number, device=_device())
        dist.all_reduce(maximum, dist.ReduceOp.MAX)
        return int(maximum)

    def gather(self, value: Any) -> list[Any] | None:
        """Gathers a value from every process on rank 0; every process must call it.

        Args:
            value: Tensors, numbers and strings, in lists and dictionaries.

        Returns:
            The values in rank order, with tensors on the CPU; None on other ranks.
        """
        if self.world_size == 1:
            return [value]
        # As bytes: otherwise tensors would be loaded onto the GPU that they come from.
        packed = io.BytesIO()
        torch.save(value, packed)
        gathered: list[Any] | None = [None] * self.world_size if self.is_main_process else None
        dist.gather_object(packed.getvalue(), gathered)
        if gathered is None:
            return None
        buffers = map(io.BytesIO, gathered)
        return [torch.load(buffer, map_location="cpu", weights_only=True) for buffer in buffers]

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Averages tensors over all processes, in one all-reduce; every process must call it.

        Args:
            tensors: Floating-point tensors, changed in place.
        """
        local = list(tensors)
        if self.world_size == 1 or not local:
            return
        flat = torch.cat([x.detach().flatten().to(_device(), torch.float64) for x in local])
        dist.all_reduce(flat)
        flat /= self.world_size
        for tensor, mean in zip(local, flat.split([x.numel() for x in local]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        """Context that other ranks enter only after rank 0 has left it, as for a download."""
        if self.world_size > 1 and not self.is_main_process:
            dist.barrier()
        try:
            yield
        finally:
            if self.world_size > 1 and self.is_main_process:
                dist.barrier()


@contextmanager
def process_group(device: torch.device) -> Iterator[DistributedContext]:
    """Context with a process group of the processes started by `torchrun`.

    The backend is NCCL on GPUs and gloo elsewhere. Without `torchrun`, there is one process and no
    group.

    Args:
        device: Device of this process; see `resolve_device`.

    Examples:
        >>> with process_group(torch.device("cpu")) as context:
        ...     context.world_size
        1
    """
    if not started_by_torchrun() or dist.is_initialized():
        yield DistributedContext.current()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device, **_rendezvous())
    else:
        dist.init_process_group("gloo", **_rendezvous())
    try:
        yield DistributedContext.current()
    finally:
        dist.destroy_process_group()


def started_by_torchrun() -> bool:
    """Returns whether `torchrun` started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def restarted() -> bool:
    """Returns whether `torchrun` restarted this process after a failure.

    Examples:
        >>> restarted()
        False
    """
    return started_by_torchrun() and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_gpu(gpus: int) -> int:
    """Returns the index of the GPU for this process on its machine."""
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    if rank >= gpus:
        processes = os.environ.get("LOCAL_WORLD_SIZE", rank + 1)
        raise OptionError(
            f"{processes} processes on this machine share {gpus} GPUs: start {gpus} "
            f"(torchrun --nproc-per-node {gpus}), or write device='cpu'"
        )
    return rank


def _rendezvous() -> dict[str, Any]:
    """Sets a new prefix in the store for restarted processes, since it still has old addresses.

    The store survives a restart. Each machine counts its own restarts, so the count is unambiguous
    only if there is a single machine.
    """
    if os.environ.get("LOCAL_WORLD_SIZE") != os.environ.get("WORLD_SIZE"):
        return {}
    store, rank, size = next(rendezvous("env://"))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    fresh = dist.PrefixStore(f"start_{start}", store)  # type: ignore[attr-defined]
    return {"store": fresh, "rank": rank, "world_size": size}


def _device() -> torch.device:
    """Returns the device for messages: NCCL only sends from GPUs."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
