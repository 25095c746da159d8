"""Distributed training: the process group, DDP and sharding."""

from ganblocks.distributed.context import DistributedContext, process_group, restarted

__all__ = ["DistributedContext", "process_group", "restarted"]
