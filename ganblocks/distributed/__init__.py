"""Processes that train together, and what they share."""

from ganblocks.distributed.context import DistributedContext, process_group, restarted

__all__ = ["DistributedContext", "process_group", "restarted"]
