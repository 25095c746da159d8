"""Pairs that fit into memory: decoded and resized once, then cut out in batches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganblocks.data.base import PairedDataset, to_unit_range, unit_range_
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, OptionError, require_one_of

CACHES = ("auto", "always", "never")
"""What `cache` may be."""

SHARE = 4
"""With `cache="auto"`, a cache takes at most one part in so many of the free memory."""

ASSUMED_MEMORY = 4 << 30
"""Bytes that are taken to be free where the system does not tell."""


class CachedPairs:
    """All pairs of a dataset, resized, of which each epoch cuts its own windows.

    Args:
        dataset: The pairs, whose seed and transform decide what is cut.
        a: Side a of all pairs, resized, uint8 (N, C, H, W).
        b: Side b, likewise; its count of channels may be another.
        names: The names of the pairs.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> from ganblocks.data import PairTransform
        >>> dataset = SyntheticFacades(2, 32, transform=PairTransform(36, 32))
        >>> resized = [dataset.transform.resize(*dataset.read(0, index)[:2]) for index in (0, 1)]
        >>> pairs = CachedPairs(dataset, *map(torch.stack, zip(*resized)))
        >>> batch = pairs.batch([(0, 1), (0, 0)], torch.device("cpu"))
        >>> torch.equal(batch["source"][0], dataset[0, 1]["source"])
        True
    """

    def __init__(
        self, dataset: PairedDataset, a: Tensor, b: Tensor, names: Sequence[str] = ()
    ) -> None:
        self.dataset = dataset
        self.names = names
        self.a = a
        self.b = b

    def batch(self, keys: Sequence[tuple[int, int]], device: torch.device) -> dict[str, Any]:
        """Returns, bit for bit, the stacked samples `dataset[epoch, index]`.

        Nothing waits for a GPU: what is cut is known on the host, and what is sent is pinned.

        Args:
            keys: The pairs, as (epoch, index).
            device: Where the batch is to lie.

        Returns:
            `source` and `target`, floats (B, C, H, W) in [-1, 1], and the list `name`.
        """
        a, b = zip(*(self._cut(epoch, index) for epoch, index in keys), strict=True)
        source, target = self.dataset.in_order(_floats(a, device), _floats(b, device))
        names = [self.names[index] for _, index in keys] if self.names else []
        return {"source": source, "target": target, "name": names}

    def _cut(self, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        a, b, transform = self.a[index], self.b[index], self.dataset.transform
        if not isinstance(transform, PairTransform):
            return a, b
        chance = seeded_generator(self.dataset.seed, epoch, index)
        window = transform.draw(a.shape[-2], a.shape[-1], chance)
        return transform.cut(a, window), transform.cut(b, window)


def cached_pairs(
    dataset: PairedDataset, device: torch.device, *, cache: str = "auto", processes: int = 1
) -> CachedPairs | None:
    """Decodes and resizes all pairs in threads, and keeps them on the device or the host.

    That takes a dataset whose pairs are the same in every epoch (`varies_by_epoch`) and of one
    size, with a `PairTransform` or none.

    Args:
        dataset: The pairs, at least one.
        device: Where batches will be needed; a GPU keeps the pairs itself if it has room.
        cache: `"auto"` keeps the pairs if they take at most a quarter of the free memory of the
            GPU, or else of the host; `"always"` asks for no room on the host; `"never"` does not.
        processes: How many do the same, and share the host.

    Returns:
        The pairs, or None where they are not to be cached.

    Raises:
        OptionError: `cache` is none of these words, or `"always"` where the dataset or its
            transform does not allow it.
        DataError: A pair cannot be read; or `"always"`, and the pairs differ in size.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> print(cached_pairs(SyntheticFacades(2, 32), torch.device("cpu")))
        None
    """
    require_one_of("cache", cache, CACHES)
    if cache == "never":
        return None
    if obstacle := _obstacle(dataset):
        if cache == "always":
            raise OptionError(f"cache is 'always', but {obstacle}, or write cache='auto'")
        return None
    first = _resized(dataset, 0)
    place = _place(len(dataset) * sum(image.nbytes for image in first[:2]), device, processes)
    if place is None and cache == "auto":
        return None
    a, b = (
        torch.empty((len(dataset), *image.shape), dtype=image.dtype, device=place)
        for image in first[:2]
    )
    names = [""] * len(dataset)
    odd = _fill(dataset, a, b, names)
    if odd is None:
        return CachedPairs(dataset, a, b, names)
    if cache == "always":
        raise DataError(
            f"cache is 'always', but pairs differ: {_told(*first)}, {_told(*odd)}. Give "
            "PairTransform a load_size, or write cache='auto'",
            see="sizes-must-match",
        )
    return None


def available_memory(root: Path = Path("/")) -> int:
    """Counts the bytes of the host's memory that are free or easily freed, within a container too.

    Examples:
        >>> available_memory() > 0
        True
    """
    group = root / "sys" / "fs" / "cgroup"
    told = _numbers(root / "proc" / "meminfo").get("MemAvailable:")
    free = ASSUMED_MEMORY if told is None else told * 1024
    limit = group / "memory.max"
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        used = int((group / "memory.current").read_text())
        easily_freed = _numbers(group / "memory.stat").get("inactive_file", 0)
        free = min(free, int(most) - used + easily_freed)
    return free


def _obstacle(dataset: PairedDataset) -> str | None:
    """Says why a dataset cannot be cached, and what to write instead."""
    kind, transform = type(dataset).__name__, dataset.transform
    if not _same_in_every_epoch(dataset):
        return (
            f"the pairs of {kind} may change from epoch to epoch: write `varies_by_epoch = "
            "False` into the class that reads them if they do not"
        )
    if transform is not None and type(transform) is not PairTransform:
        return f"the transform is {transform!r}: give a PairTransform"
    return None


def _same_in_every_epoch(dataset: PairedDataset) -> bool:
    """Believes a declaration unless a subclass reads anew below it."""
    for scope in (dataset, *type(dataset).__mro__):
        if "varies_by_epoch" in vars(scope):
            return not dataset.varies_by_epoch
        if not vars(scope).keys().isdisjoint(("read", "__getitem__")):
            break
    return False


def _place(size: int, device: torch.device, processes: int) -> torch.device | None:
    """Finds where so many bytes have room: on the GPU, on the host, or nowhere."""
    if device.type == "cuda" and SHARE * size <= torch.cuda.mem_get_info(device)[0]:
        return device
    return torch.device("cpu") if SHARE * size * processes <= available_memory() else None


def _resized(dataset: PairedDataset, index: int) -> tuple[Tensor, Tensor, str]:
    a, b, name = dataset.read(0, index)
    if isinstance(dataset.transform, PairTransform):
        a, b = dataset.transform.resize(a, b)
    return a, b, name


def _fill(
    dataset: PairedDataset, a: Tensor, b: Tensor, names: list[str]
) -> tuple[Tensor, Tensor, str] | None:
    """Reads all pairs in threads; stops at one of another shape, and returns it."""

    def odd(index: int) -> tuple[Tensor, Tensor, str] | None:
        pair = _resized(dataset, index)
        for images, image in zip((a, b), pair[:2], strict=True):
            if image.shape != images.shape[1:] or image.dtype != images.dtype:
                return pair
            images[index] = image
        names[index] = pair[2]
        return None

    with ThreadPoolExecutor() as threads:
        return next((pair for pair in threads.map(odd, range(len(dataset))) if pair), None)


def _floats(crops: tuple[Tensor, ...], device: torch.device) -> Tensor:
    """Makes a batch of floats, as `to_unit_range` does, and sends it if it has to go far."""
    here = crops[0].device
    if here.type == device.type:
        batch = torch.empty((len(crops), *crops[0].shape), device=here)
        for slot, crop in zip(batch, crops, strict=True):
            slot.copy_(crop)
        return unit_range_(batch)
    pixels = torch.stack(crops)  # bytes: a quarter of what floats are
    if device.type == "cuda":
        return to_unit_range(pixels.pin_memory().to(device, non_blocking=True))
    return to_unit_range(pixels.to(device))


def _told(a: Tensor, b: Tensor, name: str) -> str:
    sides = (f"{image.dtype} {tuple(image.shape)}" for image in (a, b))
    return f"{name} ({' and '.join(sides)})"


def _numbers(path: Path) -> dict[str, int]:
    """Reads lines of a name and a number, if there is such a file."""
    if not path.is_file():
        return {}
    words = (line.split() for line in path.read_text("ascii").splitlines())
    return {name: int(number) for name, number, *_ in words}
