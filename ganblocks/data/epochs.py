"""Base class of all datasets: numbered samples, drawn anew in each epoch, the same every time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import is_dataclass
from typing import Any

from torch.utils.data import Dataset

from ganblocks.registry import ComponentLike, Registry

Key = int | tuple[int, int]
"""An index, or (epoch, index)."""


class EpochDataset(Dataset[Any], ABC):
    """Samples by (epoch, index): images (C, H, W) in [-1, 1] by key, and a `name`.

    `dataset[epoch, index]` depends on the dataset's own seed and these two numbers alone, so worker
    processes, restarts and resumed runs all see the same pixels; `dataset[index]` is epoch 0.

    Attributes:
        identity: Names of the attributes that identify the samples, for `fingerprint`.

    Examples:
        >>> import torch
        >>> class Shades(EpochDataset):
        ...     identity = ("count",)
        ...     count = 2
        ...
        ...     def __len__(self):
        ...         return self.count
        ...
        ...     def __getitem__(self, key):
        ...         epoch, index = self.position(key)
        ...         return {"image": torch.full((1, 8, 8), index / self.count), "name": str(index)}
        >>> Shades().fingerprint()
        {'type': 'Shades', 'samples': 2, 'count': 2}
    """

    identity: tuple[str, ...] = ()

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of samples in an epoch."""

    @abstractmethod
    def __getitem__(self, key: Key) -> Any: ...

    def position(self, key: Key) -> tuple[int, int]:
        """Returns the (epoch, index) of a key; raises an IndexError past the end.

        Args:
            key: An index, or (epoch, index).
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is out of range: the dataset has {len(self)} samples")
        return epoch, index

    def fingerprint(self) -> dict[str, Any]:
        """Returns what identifies the samples, as plain JSON; a resumed run compares it."""
        own = {name: plain(getattr(self, name)) for name in self.identity}
        return {"type": type(self).__name__, "samples": len(self), **own}


def plain(value: Any) -> Any:
    """Returns plain JSON of a value, a nested dataset or a transform, for a fingerprint."""
    if isinstance(value, EpochDataset):
        return value.fingerprint()
    if value is None or isinstance(value, str | int | float):
        return value
    # The repr of a function has an address.
    return repr(value) if is_dataclass(value) else getattr(value, "__name__", type(value).__name__)


DATASETS: Registry[EpochDataset] = Registry("datasets")
"""Datasets by name."""


def built(dataset: EpochDataset | ComponentLike) -> EpochDataset:
    """Returns a dataset as it is, and anything else as the registry builds it."""
    return dataset if isinstance(dataset, EpochDataset) else DATASETS.build(dataset)
