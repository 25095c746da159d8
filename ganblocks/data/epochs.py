"""Base class of all datasets: samples by (epoch, index), with reproducible random draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import MappingProxyType
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganblocks.data.formats import SideFormat
from ganblocks.data.resizing import Fit
from ganblocks.errors import require_count
from ganblocks.registry import ComponentLike, Registry

Key = int | tuple[int, int]
"""An index, or (epoch, index)."""


class EpochDataset(Dataset[Any], ABC):
    """Base class: samples by (epoch, index), with images (C, H, W) in [-1, 1] by key, and a `name`.

    `dataset[epoch, index]` depends only on the dataset's seed and these two numbers, so worker
    processes and resumed runs see the same pixels. `dataset[index]` uses epoch 0, or the epoch
    chosen with `set_epoch`.

    Attributes:
        identity: Names of the attributes that identify the samples, for `fingerprint`.
        formats: The formats of the images of a sample, by key. `fit` stores them in the run.
        fit: How images are resized for the network; None if they are not resized, or if unknown.

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
    formats: Mapping[str, SideFormat] = MappingProxyType({})
    fit: Fit | None = None
    _epoch: Tensor

    def __new__(cls, *_: Any, **__: Any) -> Self:  # noqa: D102
        dataset = super().__new__(cls)
        dataset.__setstate__({"_epoch": torch.zeros((), dtype=torch.int64)})
        return dataset

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._epoch.share_memory_()  # shared with a loader's persistent workers

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch of `dataset[index]`, in the workers of a running `DataLoader` too.

        Call it before each epoch in your own loop, or a plain `DataLoader` repeats its draws. `fit`
        does not need it.

        Args:
            epoch: The epoch, from 0.

        Raises:
            OptionError: The epoch is negative or not a whole number.

        Examples:
            >>> from ganblocks import SyntheticFacades
            >>> from ganblocks.data import PairTransform
            >>> dataset = SyntheticFacades(4, 32, transform=PairTransform(None, 16))
            >>> dataset.set_epoch(7)
            >>> dataset[2]["source"].equal(dataset[7, 2]["source"])
            True
        """
        require_count("epoch", epoch, 0)
        self._epoch.fill_(epoch)

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
        epoch, index = key if isinstance(key, tuple) else (int(self._epoch), key)
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is out of range: the dataset has {len(self)} samples")
        return epoch, index

    def fingerprint(self) -> dict[str, Any]:
        """Returns what identifies the samples, as JSON; a resumed run compares it."""
        own = {name: plain(getattr(self, name)) for name in self.identity}
        return {"type": type(self).__name__, "samples": len(self), **own}


def plain(value: Any) -> Any:
    """Converts a value, a nested dataset or a transform to JSON for a fingerprint."""
    if isinstance(value, EpochDataset):
        return value.fingerprint()
    if value is None or isinstance(value, str | int | float):
        return value
    # The repr of a function has an address.
    return repr(value) if is_dataclass(value) else getattr(value, "__name__", type(value).__name__)


DATASETS: Registry[EpochDataset] = Registry("datasets")
"""Datasets by name."""


def built(dataset: EpochDataset | ComponentLike) -> EpochDataset:
    """Builds a dataset from its name or spec; returns a dataset unchanged."""
    return dataset if isinstance(dataset, EpochDataset) else DATASETS.build(dataset)
