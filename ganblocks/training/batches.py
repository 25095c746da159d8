"""Endless batches, whose order depends only on the seed and the position in the epoch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from ganblocks.data.cached import CACHES, cached_pairs
from ganblocks.data.map_style import paired_view
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import (
    NOTE,
    DataError,
    GanBlocksError,
    OptionError,
    RunError,
    require_count,
    require_one_of,
)
from ganblocks.training.signals import ignore_ends_of_workers, ignore_interrupts


def steps_per_epoch(length: int, batch_size: int) -> int:
    """Returns the number of full batches in an epoch, or 1 if there is none."""
    return max(1, length // batch_size)


def normalize_position(
    epoch: int, samples_seen: int, length: int, samples_per_step: int
) -> tuple[int, int]:
    """Returns the next batch's start: here, or in the next epoch if too few samples are left."""
    fits = samples_seen == 0 or samples_seen + samples_per_step <= length
    return (epoch, samples_seen) if fits else (epoch + 1, 0)


def advance_position(
    epoch: int, samples_seen: int, length: int, samples_per_step: int
) -> tuple[int, int]:
    """Returns where the batch after the next one starts."""
    epoch, start = normalize_position(epoch, samples_seen, length, samples_per_step)
    return normalize_position(epoch, start + samples_per_step, length, samples_per_step)


@dataclass(frozen=True)
class ResumableBatchSampler:
    """Endless batches of keys (epoch, index), from any position in the epoch.

    Each step takes the next `batch_size * world_size` samples of the shuffled epoch, no matter how
    many processes share them; an epoch ends when fewer are left.
    """

    length: int
    batch_size: int
    _: KW_ONLY
    seed: int
    epoch: int = 0
    samples_seen: int = 0
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        size, world_size = self.batch_size, self.world_size
        for name, least in [("length", 1), ("batch_size", 1), ("epoch", 0), ("samples_seen", 0)]:
            require_count(name, getattr(self, name), least)
        require_count("world_size", world_size, 1)
        if self.rank not in range(world_size):
            raise OptionError(
                f"rank is {self.rank!r} of world_size={world_size}: write one of 0…{world_size - 1}"
            )
        if world_size > 1 and self.length < size * world_size:
            share = self.length // world_size
            smaller = f"write a batch_size of at most {share}, or " if share else ""
            raise OptionError(
                f"{self.length} samples are too few for {world_size} processes with "
                f"batch_size={size}: {smaller}start fewer processes"
            )

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        per_step = self.batch_size * self.world_size
        epoch, position = self.epoch, self.samples_seen
        shuffled, order = -1, list[int]()
        while True:
            epoch, position = normalize_position(epoch, position, self.length, per_step)
            if epoch != shuffled:
                generator = seeded_generator(self.seed, epoch)
                order = torch.randperm(self.length, generator=generator).tolist()
                shuffled = epoch
            following = order[position : position + per_step]
            first = self.rank * self.batch_size
            yield [(epoch, index) for index in following[first : first + self.batch_size]]
            position += per_step


def load_batches(
    dataset: Any,
    sampler: ResumableBatchSampler,
    *,
    device: torch.device,
    workers: int = 0,
    cache: str = "auto",
) -> Generator[dict[str, Any]]:
    """Returns endless batches, from memory if the samples fit, or else read on demand.

    The pixels are the same in both cases. Paired images that fit are decoded and resized once,
    before this function returns, and need no `workers`; see `cached_pairs`.
    """
    require_one_of("cache", cache, CACHES)
    pairs = None
    if (view := paired_view(dataset)) is not None:
        base, indices = view
        options: dict[str, Any] = {"cache": cache, "processes": sampler.world_size}
        pairs = cached_pairs(base, device, indices=indices, **options)
    elif cache == "always":
        kind = type(getattr(dataset, "dataset", dataset)).__name__
        raise OptionError(
            f"cache is 'always', but {kind} is not a PairedDataset or a Subset of one: write 'auto'"
        )
    if pairs is None:
        return _read_batches(dataset, sampler, workers, device)
    return (pairs.batch(keys, device) for keys in sampler)


def _read_batches(
    dataset: Any, sampler: ResumableBatchSampler, workers: int, device: torch.device
) -> Generator[dict[str, Any]]:
    loader = DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator().manual_seed(sampler.seed),  # leaves the global one alone
        collate_fn=_collate,
        worker_init_fn=ignore_interrupts,
    )
    try:
        batches = iter(loader)  # which sets PyTorch's handler of signals
        ignore_ends_of_workers()
        for batch in batches:
            yield to_device(batch, device)
    except GanBlocksError as error:
        # A worker's error starts with its traceback; our own message and note come last.
        message = str(error).rpartition(f"\n{NOTE}")[0].rpartition("\n")[2]
        if not message:  # raised in this process
            raise
        raise DataError(message.partition("Error: ")[2] or error) from None
    except (RuntimeError, OSError, EOFError) as error:
        # PyTorch reports a worker that has ended, or its data breaks off.
        reason, told = str(error).partition(". ")[0], isinstance(error, RuntimeError)
        of_worker = "in DataLoader worker process" in reason
        if not workers or of_worker or (told and "DataLoader worker" not in reason):
            raise
        raise RunError(
            f"a process that reads data has ended, often because it ran out of memory ({reason}): "
            "write "
            f"fewer than workers={workers}, then resume"
        ) from None


def single_batch(sample: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Returns one sample as a batch of one."""
    return to_device(_collate([sample]), device)


def to_device(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Moves the tensors of a batch to a device."""
    non_blocking = device.type == "cuda"
    return {
        key: value.to(device, non_blocking=non_blocking) if isinstance(value, Tensor) else value
        for key, value in batch.items()
    }


def _collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for key, value in samples[0].items():
        if isinstance(value, Tensor) and len({s[key].shape for s in samples}) > 1:
            listing = ", ".join(
                f"{tuple(s[key].shape)} ({s.get('name', index)})" for index, s in enumerate(samples)
            )
            raise DataError(
                f"{key} images differ in size within a batch: {listing}. {_remedy(samples)}",
                see="sizes-must-match",
            )
    batch: dict[str, Any] = default_collate(list(samples))
    return batch


def _remedy(samples: Sequence[Mapping[str, Any]]) -> str:
    images = [[x for x in s.values() if isinstance(x, Tensor) and x.dim() == 3] for s in samples]
    if any(len({image.shape[-2:] for image in sample}) > 1 for sample in images):
        return (
            "The images of one sample differ in size, too, so PairTransform cannot crop them: "
            "resize or crop them where the dataset reads them, so that each key has one size"
        )
    return "Crop them to one size with PairTransform(…, crop_size=…), or use batch_size=1"
