"""Pairs kept in memory: decoded and resized once, then cropped batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganblocks.data.base import PairedDataset
from ganblocks.data.formats import SideFormat
from ganblocks.data.resizing import as_mask, is_mask
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, OptionError, require_one_of

CACHES = ("auto", "always", "never")
"""Allowed values of `cache`."""

MEMORY_DIVISOR = 4
"""Maximum fraction of the free memory for `cache="auto"`: 1/4."""

ASSUMED_MEMORY = 4 << 30
"""Free memory in bytes to assume if the system does not report it."""

_Pair = tuple[Tensor, Tensor, str]


@dataclass(frozen=True, eq=False)
class CachedPairs:
    """Resized pairs in memory, from which batches are cropped.

    Attributes:
        dataset: The dataset; its seed and transform determine the crops.
        indices: The indices of these pairs in the dataset.
        a: Pixels of side a of these pairs, resized, (N, C, H, W).
        b: The same for side b; channels and dtype may differ.
        names: The names of the pairs.
        masks: Whether a and b are label maps (`tv_tensors.Mask` in the dataset).
    """

    dataset: PairedDataset
    indices: Sequence[int]
    a: Tensor
    b: Tensor
    names: Sequence[str]
    masks: tuple[bool, bool]

    def batch(self, keys: Sequence[tuple[int, int]], device: torch.device) -> dict[str, Any]:
        """Returns the stacked samples `dataset[epoch, indices[number]]`, bit for bit.

        It never waits for a GPU: crops are computed on the CPU, and copies are pinned.

        Args:
            keys: The pairs, as (epoch, number).
            device: The device of the batch.

        Returns:
            `source` and `target`, floats (B, C, H, W) in [-1, 1], and the list `name`.
        """
        a, b = zip(*(self._crops(epoch, number) for epoch, number in keys), strict=True)
        dataset = self.dataset
        encoded = _encoded(a, dataset.a_format, device), _encoded(b, dataset.b_format, device)
        source, target = dataset.source_and_target(*encoded)
        return {"source": source, "target": target, "name": [self.names[i] for _, i in keys]}

    def _crops(self, epoch: int, number: int) -> tuple[Tensor, Tensor]:
        a, b = (
            as_mask(side[number]) if is_labels else side[number]
            for side, is_labels in zip((self.a, self.b), self.masks, strict=True)
        )
        if not isinstance(self.dataset.transform, PairTransform):
            return a, b
        generator = seeded_generator(self.dataset.seed, epoch, self.indices[number])
        return self.dataset.transform.draw(a, b, generator)


def cached_pairs(
    dataset: PairedDataset,
    device: torch.device,
    *,
    indices: Sequence[int] | None = None,
    cache: str = "auto",
    processes: int = 1,
) -> CachedPairs | None:
    """Decodes and resizes pairs in threads, and keeps them on the device or the host.

    The pairs must have one size and be the same in every epoch (`varies_by_epoch`); the transform
    must be a `PairTransform` or None.

    Args:
        dataset: The pairs, at least one.
        device: The device of the batches; a GPU with enough memory keeps the pairs itself.
        indices: Which pairs to keep; None keeps all.
        cache: `"auto"` keeps the pairs if they take at most a quarter of the free memory of the
            GPU, or else of the host; `"always"` keeps them on the host even if they take more;
            `"never"` keeps none.
        processes: Number of processes that share the host's memory, each with its own copy.

    Returns:
        The pairs, or None if they are not cached.

    Raises:
        OptionError: `cache` is invalid, or `"always"` and the dataset or transform does not allow
            it.
        DataError: A pair cannot be read; or `cache` is `"always"` and the pairs differ in size.

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
    indices = range(len(dataset)) if indices is None else indices
    first = _resized(dataset, indices[0])
    transform = dataset.transform
    if isinstance(transform, PairTransform) and (transform.scale or transform.extra):
        device = torch.device("cpu")  # which resizes crops to other values than a GPU
    place = _place(len(indices) * sum(image.nbytes for image in first[:2]), device, processes)
    if place is None and cache == "auto":
        return None
    a, b = (
        torch.empty((len(indices), *image.shape), dtype=image.dtype, device=place)
        for image in first[:2]
    )
    names = [""] * len(indices)
    mismatch = _fill(dataset, indices, a, b, names)
    if mismatch is None:
        masks = is_mask(first[0]), is_mask(first[1])
        return CachedPairs(dataset, indices, a, b, names, masks)
    if cache == "always":
        raise DataError(
            f"cache is 'always', but pairs differ: {_format(*first)}, {_format(*mismatch)}. Give "
            "PairTransform a load_size, or write cache='auto'",
            see="sizes-must-match",
        )
    return None


def available_memory(root: Path = Path("/")) -> int:
    """Returns the host's free and easily freed memory in bytes, within a container's limit.

    Examples:
        >>> available_memory() > 0
        True
    """
    cgroup = root / "sys" / "fs" / "cgroup"
    kilobytes = _read_numbers(root / "proc" / "meminfo").get("MemAvailable:")
    free = ASSUMED_MEMORY if kilobytes is None else kilobytes * 1024
    limit_file = cgroup / "memory.max"
    if limit_file.is_file() and (limit := limit_file.read_text().strip()) != "max":
        used = int((cgroup / "memory.current").read_text())
        easily_freed = _read_numbers(cgroup / "memory.stat").get("inactive_file", 0)
        free = min(free, int(limit) - used + easily_freed)
    return free


def _obstacle(dataset: PairedDataset) -> str | None:
    """Describes why a dataset cannot be cached, and what to write instead."""
    if not _same_in_every_epoch(dataset):
        return (
            f"the pairs of {type(dataset).__name__} may change from epoch to epoch: set "
            "`varies_by_epoch = False` in the class that reads them if they do not"
        )
    transform = dataset.transform
    if transform is not None and type(transform) is not PairTransform:
        return f"the transform is {transform!r}: pass a PairTransform"
    return None


def _same_in_every_epoch(dataset: PairedDataset) -> bool:
    """Returns `not varies_by_epoch`, or False if a subclass overrides reading."""
    for scope in (dataset, *type(dataset).__mro__):
        if "varies_by_epoch" in vars(scope):
            return not dataset.varies_by_epoch
        if not vars(scope).keys().isdisjoint(("read", "__getitem__")):
            break
    return False


def _place(size: int, device: torch.device, processes: int) -> torch.device | None:
    """Returns the device with room for `size` bytes: the GPU, else the host, else None."""
    if device.type == "cuda" and MEMORY_DIVISOR * size <= torch.cuda.mem_get_info(device)[0]:
        return device
    fits = MEMORY_DIVISOR * size * processes <= available_memory()
    return torch.device("cpu") if fits else None


def _resized(dataset: PairedDataset, index: int) -> _Pair:
    a, b, name = dataset.pixels(0, index)
    if isinstance(dataset.transform, PairTransform):
        a, b = dataset.transform.resize_pair(a, b)
    return a, b, name


def _fill(
    dataset: PairedDataset, indices: Sequence[int], a: Tensor, b: Tensor, names: list[str]
) -> _Pair | None:
    """Reads pairs in threads; stops at a pair of a different shape or dtype, and returns it."""

    def fill(number: int) -> _Pair | None:
        pair = _resized(dataset, indices[number])
        for images, image in zip((a, b), pair[:2], strict=True):
            if image.shape != images.shape[1:] or image.dtype != images.dtype:
                return pair
            images[number] = image
        names[number] = pair[2]
        return None

    with ThreadPoolExecutor() as threads:
        return next((pair for pair in threads.map(fill, range(len(indices))) if pair), None)


def _encoded(crops: tuple[Tensor, ...], form: SideFormat, device: torch.device) -> Tensor:
    pixels = torch.stack([crop.as_subclass(Tensor) for crop in crops])
    if device.type == "cuda" and pixels.device.type == "cpu":  # smaller as pixels than as floats
        pixels = pixels.pin_memory().to(device, non_blocking=True)
    return form.encode(pixels.to(device))


def _format(a: Tensor, b: Tensor, name: str) -> str:
    sides = (f"{image.dtype} {tuple(image.shape)}" for image in (a, b))
    return f"{name} ({' and '.join(sides)})"


def _read_numbers(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    fields = (line.split() for line in path.read_text("ascii").splitlines())
    return {name: int(number) for name, number, *_ in fields}
