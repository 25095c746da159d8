"""The training data of the guides' pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganblocks import SyntheticFacades

SIZE = 64
"""Side length of the facades in pixels."""


def fronts(count: int, *, size: int = SIZE, split: str = "train") -> list[dict[str, Tensor]]:
    """Returns facades as batches of one, with labels as `source` and photo as `target`."""
    dataset = SyntheticFacades(count, size, split=split)
    samples = [dataset[index] for index in range(count)]
    return [{"source": x["source"][None], "target": x["target"][None]} for x in samples]


@contextmanager
def small_training(seed: int = 0) -> Iterator[None]:
    """Trains from its own seed inside the block, and leaves the random state as it was.

    On one thread: so small networks gain nothing from more, and lose much on a busy machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
