"""Endless batches in an order that depends on the seed and the step alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from torch.utils.data import DataLoader, default_collate

from ganblocks.data.base import PairedDataset, Sample
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import NOTE, DataError, GanBlocksError


def steps_per_epoch(length: int, batch_size: int) -> int:
    """Counts the full batches of an epoch; a dataset smaller than a batch makes one.

    Examples:
        >>> steps_per_epoch(400, 4), steps_per_epoch(3, 4)
        (100, 1)
    """
    return max(1, length // batch_size)


class BatchOrder:
    """Which pairs make up each step's batch, as (epoch, index), from any step on.

    Args:
        length: Pairs of one epoch.
        batch_size: Pairs of one batch.
        seed: Seed of the shuffling.
        start: The first step to give.

    Examples:
        >>> first = iter(BatchOrder(6, 2, seed=0))
        >>> later = iter(BatchOrder(6, 2, seed=0, start=2))
        >>> [next(first) for _ in range(3)][2] == next(later)
        True
    """

    def __init__(self, length: int, batch_size: int, *, seed: int, start: int = 0) -> None:
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.start = start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        steps = steps_per_epoch(self.length, self.batch_size)
        epoch, skipped = divmod(self.start, steps)
        while True:
            shuffle = seeded_generator(self.seed, epoch)
            order = torch.randperm(self.length, generator=shuffle).tolist()
            for step in range(skipped, steps):
                chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
                yield [(epoch, index) for index in chosen]
            epoch, skipped = epoch + 1, 0


def load_batches(
    dataset: PairedDataset,
    *,
    batch_size: int,
    seed: int,
    start: int,
    workers: int,
    device: torch.device,
) -> Generator[dict[str, torch.Tensor]]:
    """Reads batches without end, in worker processes where asked.

    Args:
        dataset: The pairs.
        batch_size: Pairs of one batch.
        seed: Seed of the order.
        start: The first step to give.
        workers: Processes that read ahead; 0 reads in this one.
        device: Where the batches are to lie.

    Raises:
        DataError: A pair cannot be read.
    """
    on_gpu = device.type == "cuda"
    loader = DataLoader(
        dataset,
        batch_sampler=BatchOrder(len(dataset), batch_size, seed=seed, start=start),
        num_workers=workers,
        pin_memory=on_gpu,
        generator=torch.Generator().manual_seed(seed),  # leaves the global one to dropout
        collate_fn=_stacked,
    )
    try:
        for batch in loader:
            yield {side: batch[side].to(device, non_blocking=on_gpu) for side in ("a", "b")}
    except GanBlocksError as error:
        # A worker process puts its whole traceback into the message; ours ends it, and its note.
        told = str(error).rpartition(f"\n{NOTE}")[0].rpartition("\n")[2]
        if not told:  # it was raised in this process
            raise
        raise DataError(told.partition("Error: ")[2] or error) from None


def _stacked(samples: list[Sample]) -> dict[str, torch.Tensor]:
    sizes = {tuple(s[side].shape[-2:]): s["name"] for s in samples for side in ("a", "b")}
    if len(sizes) > 1:
        listing = ", ".join(f"{h}×{w} ({name})" for (h, w), name in sizes.items())
        raise DataError(
            f"pairs of one batch differ in size: {listing}. Cut them to one with "
            "PairTransform(…, crop_size=…), or take batch_size=1",
            see="sizes-must-match",
        )
    batch: dict[str, torch.Tensor] = default_collate(samples)
    return batch
