"""Reads any map-style dataset by (epoch, index)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset

from ganblocks.data.base import PairedDataset
from ganblocks.data.epochs import EpochDataset, Key
from ganblocks.errors import DataError, OptionError


class MapDataset(EpochDataset):
    """Any map-style dataset whose samples are dictionaries.

    A `Subset` (as from `random_split`) or `ConcatDataset` of ganblocks datasets draws anew in each
    epoch, as they do; other datasets are read by index only.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset
        first: Any = dataset
        while isinstance(first, Subset | ConcatDataset):
            first = first.dataset if isinstance(first, Subset) else first.datasets[0]
        for name in ("formats", "fit", "direction", "reading"):  # what a run stores
            if hasattr(first, name):
                setattr(self, name, getattr(first, name))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, key: Key) -> Mapping[str, Any]:
        epoch, index = self.position(key)
        sample = _sample(self.dataset, epoch, index)
        if not isinstance(sample, Mapping):
            raise DataError(
                f"sample {index} of {type(self.dataset).__name__} is a {type(sample).__name__}: "
                'return a dictionary, such as {"source": …, "target": …, "name": …}'
            )
        return sample

    def fingerprint(self) -> Any:
        """Returns what identifies the samples, as JSON."""
        return fingerprint(self.dataset)


def as_epoch_dataset(name: str, dataset: Any) -> EpochDataset:
    """Returns a dataset that is read by (epoch, index); `name` is the option's name in errors."""
    if isinstance(dataset, EpochDataset):
        return dataset
    methods = ("__len__", "__getitem__")
    if isinstance(dataset, IterableDataset) or not all(hasattr(dataset, m) for m in methods):
        raise OptionError(
            f"{name} is a {type(dataset).__name__}: pass a map-style dataset, with __len__ and "
            "__getitem__"
        )
    return MapDataset(dataset)


def paired_view(dataset: Any) -> tuple[PairedDataset, Sequence[int]] | None:
    """Returns the paired dataset behind a subset, and the indices; None if there is none.

    Args:
        dataset: A paired dataset, or a (nested) `Subset` of one.
    """
    if isinstance(dataset, PairedDataset):
        return dataset, range(len(dataset))
    if isinstance(dataset, MapDataset):
        return paired_view(dataset.dataset)
    inner = paired_view(dataset.dataset) if isinstance(dataset, Subset) else None
    return inner and (inner[0], [inner[1][int(index)] for index in dataset.indices])


def fingerprint(dataset: Any) -> Any:
    """Returns a dataset's fingerprint, or those of the datasets it consists of."""
    if (own := getattr(dataset, "fingerprint", None)) is not None:
        return own()
    known: dict[str, Any] = {"type": type(dataset).__name__, "samples": len(dataset)}
    if isinstance(dataset, Subset):
        indices = sha256(repr([int(index) for index in dataset.indices]).encode()).hexdigest()
        known |= {"dataset": fingerprint(dataset.dataset), "indices": indices}
    elif isinstance(dataset, ConcatDataset):
        known["datasets"] = [fingerprint(part) for part in dataset.datasets]
    return known


def _sample(dataset: Any, epoch: int, index: int) -> Any:
    if isinstance(dataset, EpochDataset):
        return dataset[epoch, index]
    if isinstance(dataset, Subset):
        return _sample(dataset.dataset, epoch, int(dataset.indices[index]))
    if isinstance(dataset, ConcatDataset):
        ends = dataset.cumulative_sizes
        part = bisect_right(ends, index)
        return _sample(dataset.datasets[part], epoch, index - (ends[part - 1] if part else 0))
    return dataset[index]
