"""Endless batches in an order that depends on the seed and the place in it alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from ganblocks.data.base import PairedDataset
from ganblocks.data.cached import CACHES, cached_pairs
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import (
    NOTE,
    DataError,
    GanBlocksError,
    OptionError,
    require_count,
    require_one_of,
)
from ganblocks.training.stopping import ignore_interrupts


def steps_per_epoch(length: int, batch_size: int) -> int:
    """Counts the full batches of an epoch; a dataset smaller than a batch makes one.

    Examples:
        >>> steps_per_epoch(400, 4), steps_per_epoch(3, 4)
        (100, 1)
    """
    return max(1, length // batch_size)


def batch_place(epoch: int, position: int, *, length: int, images: int) -> tuple[int, int]:
    """Says where the next batch is taken: here, or in the next epoch if too few pairs are left."""
    fits = position == 0 or position + images <= length
    return (epoch, position) if fits else (epoch + 1, 0)


def next_place(epoch: int, position: int, *, length: int, images: int) -> tuple[int, int]:
    """Says where the batch after the next one is taken: the place once a step is done."""
    epoch, position = batch_place(epoch, position, length=length, images=images)
    return batch_place(epoch, position + images, length=length, images=images)


class BatchOrder:
    """Which pairs make up each step's batch, as (epoch, index), from any place on, without end.

    A step takes the next `batch_size * world` pairs of the epoch's shuffle, whatever the number
    of processes that share them; an epoch ends where fewer are left.

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
    dataset: Any,
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
) -> Generator[dict[str, Any]]:
    """Returns batches without end: from memory if the samples fit, else read one by one.

    Both ways give the same pixels. Paired images that fit are decoded and resized once, before
    this returns, and need no `workers`, see `cached_pairs`.
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
    require_one_of("cache", cache, CACHES)
    pairs = None
    if isinstance(dataset, PairedDataset):
        pairs = cached_pairs(dataset, device, cache=cache, processes=world)
    elif cache == "always":
        raise OptionError(
            f"cache is 'always', and {type(dataset).__name__} is not a PairedDataset: write 'auto'"
        )
    if pairs is None:
        return _streamed(dataset, order, workers, device)
    return (pairs.batch(keys, device) for keys in order)


def _streamed(
    dataset: Any, order: BatchOrder, workers: int, device: torch.device
) -> Generator[dict[str, Any]]:
    """Reads sample by sample, in worker processes where asked."""
    loader = DataLoader(
        dataset,
        batch_sampler=order,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator().manual_seed(order.seed),  # leaves the global one to dropout
        collate_fn=_stacked,
        worker_init_fn=ignore_interrupts,  # a terminal sends Ctrl-C to all of them
    )
    try:
        for batch in loader:
            yield on_device(batch, device)
    except GanBlocksError as error:
        # A worker process puts its whole traceback into the message; ours ends it, and its note.
        told = str(error).rpartition(f"\n{NOTE}")[0].rpartition("\n")[2]
        if not told:  # it was raised in this process
            raise
        raise DataError(told.partition("Error: ")[2] or error) from None


def batch_of(sample: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Returns one sample as a batch of one."""
    return on_device(_stacked([sample]), device)


def on_device(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Returns a batch with its tensors on a device."""
    waits = device.type != "cuda"
    return {
        key: value.to(device, non_blocking=not waits) if isinstance(value, Tensor) else value
        for key, value in batch.items()
    }


def _stacked(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for key, value in samples[0].items():
        if isinstance(value, Tensor) and len({s[key].shape for s in samples}) > 1:
            listing = ", ".join(
                f"{tuple(s[key].shape)} ({s.get('name', index)})" for index, s in enumerate(samples)
            )
            raise DataError(
                f"{key} of one batch differs in size: {listing}. Cut the images to one with "
                "PairTransform(…, crop_size=…), or take batch_size=1",
                see="sizes-must-match",
            )
    batch: dict[str, Any] = default_collate(list(samples))
    return batch
