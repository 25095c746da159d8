"""What the pictures of the guides are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganblocks import SyntheticFacades, source_and_target

SIZE = 64
"""Side of the drawn fronts that the small networks learn, in pixels."""


def fronts(count: int, *, size: int = SIZE, split: str = "train") -> list[tuple[Tensor, Tensor]]:
    """Draws building fronts: label map and photo, each a batch of one."""
    dataset = SyntheticFacades(count, size, split=split)
    sides = [source_and_target(dataset[index], "b2a") for index in range(count)]
    return [(labels[None], photo[None]) for labels, photo in sides]


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
