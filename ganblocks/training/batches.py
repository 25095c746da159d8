"""Endless batches in an order that depends on the seed and the place in it alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from ganblocks.data.base import PairedDataset, Sample
from ganblocks.data.cached import cached_pairs
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import NOTE, DataError, GanBlocksError, OptionError, require_count
from ganblocks.training.stopping import ignore_interrupts


def steps_per_epoch(length: int, batch_size: int) -> int:
    """Counts the full batches of an epoch; a dataset smaller than a batch makes one.

    Examples:
        >>> steps_per_epoch(400, 4), steps_per_epoch(3, 4)
        (100, 1)
    """
    return max(1, length // batch_size)


def batch_place(epoch: int, position: int, *, length: int, images: int) -> tuple[int, int]:
    """Says where the next batch is taken: here, or in the next epoch if too few pairs are left.

    Args:
        epoch: The epoch, from 0.
        position: Images of the epoch that are already used.
        length: Pairs of one epoch.
        images: Images of one step, of all processes together.

    Examples:
        >>> batch_place(0, 8, length=10, images=2), batch_place(0, 8, length=10, images=4)
        ((0, 8), (1, 0))
    """
    fits = position == 0 or position + images <= length
    return (epoch, position) if fits else (epoch + 1, 0)


def next_place(epoch: int, position: int, *, length: int, images: int) -> tuple[int, int]:
    """Says where the batch after the next one is taken: the place once a step is done.

    Args:
        epoch: The epoch, from 0.
        position: Images of the epoch that are already used.
        length: Pairs of one epoch.
        images: Images of one step, of all processes together.

    Examples:
        >>> next_place(0, 0, length=10, images=4), next_place(0, 4, length=10, images=4)
        ((0, 4), (1, 0))
    """
    epoch, position = batch_place(epoch, position, length=length, images=images)
    return batch_place(epoch, position + images, length=length, images=images)


class BatchOrder:
    """Which pairs make up each step's batch, as (epoch, index), from any place on, without end.

    A step takes the next `batch_size * world` pairs of the epoch's shuffle, whatever the number
    of processes that share them; an epoch ends where fewer are left.

    Args:
        length: Pairs of one epoch.
        batch_size: Pairs of one batch in one process.
        seed: Seed of the shuffling.
        epoch: The epoch to begin in.
        position: Images of that epoch that are already used, by all processes together.
        rank: Which of the processes this is.
        world: The number of processes.

    Raises:
        OptionError: A number is too small, or several processes share too few pairs.

    Examples:
        >>> first = iter(BatchOrder(6, 2, seed=0))
        >>> later = iter(BatchOrder(6, 2, seed=0, position=4))
        >>> [next(first) for _ in range(3)][2] == next(later)
        True
        >>> halves = [next(iter(BatchOrder(6, 1, seed=0, rank=r, world=2))) for r in (0, 1)]
        >>> sum(halves, []) == next(iter(BatchOrder(6, 2, seed=0)))
        True
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        *,
        seed: int,
        epoch: int = 0,
        position: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        for what, count, least in [
            ("pairs of the dataset", length, 1),
            ("batch_size", batch_size, 1),
            ("epoch", epoch, 0),
            ("position", position, 0),
            ("world", world, 1),
        ]:
            require_count(what, count, least)
        if rank not in range(world):
            raise OptionError(f"rank is {rank!r} of world={world}: write one of 0…{world - 1}")
        if world > 1 and length < batch_size * world:
            share = length // world
            smaller = f"write a batch_size of at most {share}, or " if share else ""
            raise OptionError(
                f"{length} pairs are fewer than {world} processes take at once with "
                f"batch_size={batch_size}: {smaller}start fewer processes"
            )
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.position = position
        self.rank = rank
        self.world = world

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        images = self.batch_size * self.world
        first = self.rank * self.batch_size
        epoch, position = self.epoch, self.position
        shuffled, order = -1, list[int]()
        while True:
            epoch, position = batch_place(epoch, position, length=self.length, images=images)
            if epoch != shuffled:
                shuffle = seeded_generator(self.seed, epoch)
                order = torch.randperm(self.length, generator=shuffle).tolist()
                shuffled = epoch
            chosen = order[position : position + images][first : first + self.batch_size]
            yield [(epoch, index) for index in chosen]
            position += images


def load_batches(
    dataset: PairedDataset,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    position: int,
    workers: int,
    device: torch.device,
    cache: str = "auto",
    rank: int = 0,
    world: int = 1,
) -> Generator[dict[str, Tensor]]:
    """Gives batches without end: from memory if the pairs fit, else read pair by pair.

    Both ways give the same pixels. Pairs that fit are decoded and resized once, before the first
    batch, and need no `workers`, see `cached_pairs`.

    Args:
        dataset: The pairs.
        batch_size: Pairs of one batch in this process.
        seed: Seed of the order.
        epoch: The epoch to begin in.
        position: Images of that epoch that are already used, by all processes together.
        workers: Processes that read ahead where pairs are not cached; 0 reads in this one.
        device: Where the batches are to lie.
        cache: `"auto"`, `"always"` or `"never"`: whether pairs are kept in memory.
        rank: Which of the training processes this is.
        world: The number of training processes.

    Returns:
        Dictionaries of `a` and `b`, floats (B, C, H, W) in [-1, 1] on the device.

    Raises:
        OptionError: A number is too small, several processes share too few pairs, or `cache` is
            `"always"` where that cannot be.
        DataError: A pair cannot be read, or the pairs of a batch differ in size.
    """
    order = BatchOrder(
        len(dataset),
        batch_size,
        seed=seed,
        epoch=epoch,
        position=position,
        rank=rank,
        world=world,
    )
    pairs = cached_pairs(dataset, device, cache=cache, processes=world)
    if pairs is None:
        yield from _streamed(dataset, order, workers, device)
    else:
        for keys in order:
            yield pairs.batch(keys, device)


def _streamed(
    dataset: PairedDataset, order: BatchOrder, workers: int, device: torch.device
) -> Generator[dict[str, Tensor]]:
    """Reads pair by pair, in worker processes where asked."""
    on_gpu = device.type == "cuda"
    loader = DataLoader(
        dataset,
        batch_sampler=order,
        num_workers=workers,
        pin_memory=on_gpu,
        generator=torch.Generator().manual_seed(order.seed),  # leaves the global one to dropout
        collate_fn=_stacked,
        worker_init_fn=ignore_interrupts,  # a terminal sends Ctrl-C to all of them
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


def _stacked(samples: list[Sample]) -> dict[str, Tensor]:
    sizes = {tuple(s[side].shape[-2:]): s["name"] for s in samples for side in ("a", "b")}
    if len(sizes) > 1:
        listing = ", ".join(f"{h}×{w} ({name})" for (h, w), name in sizes.items())
        raise DataError(
            f"pairs of one batch differ in size: {listing}. Cut them to one with "
            "PairTransform(…, crop_size=…), or take batch_size=1",
            see="sizes-must-match",
        )
    batch: dict[str, Tensor] = default_collate(samples)
    return batch
