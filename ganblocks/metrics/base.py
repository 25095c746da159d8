"""Base classes of metrics, which are updated with batches and then computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import nan, sqrt
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError, require_floats
from ganblocks.losses.images import require_one_shape
from ganblocks.registry import Registry

METRICS: Registry[Metric] = Registry("metrics")
"""Metrics of generated images by name."""


class Estimate(NamedTuple):
    """A metric's value, its standard error (NaN if unknown), and the number of images."""

    value: float
    error: float
    count: int  # type: ignore[assignment]  # hides the method of tuples


class Metric(ABC):
    """Base class: compares generated images with real ones.

    Subclasses implement `_measure(fake, real)`, tensors with a row for each image, and
    `_score(*measures)` of all rows.

    Attributes:
        name: The name in tables, including the feature network if there is one.
        better: `"lower"` or `"higher"`.
        needs_pairs: Whether each generated image is compared with its own target. Otherwise two
            sets are compared, which may differ in size.
        needs_source: Whether `_measure` gets `source` in place of `real`.
    """

    name: str
    better: ClassVar[str]
    needs_pairs: ClassVar[bool]
    needs_source: ClassVar[bool] = False

    least = 1
    """Images of a kind that the score needs."""

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, ...]] = []

    def update(self, fake: Tensor, real: Tensor, source: Tensor | None = None) -> None:
        """Adds a batch of images, on any device.

        Args:
            fake: Generated images (B, C, H, W) in [−1, 1].
            real: Their targets in the same form, or any real ones if `needs_pairs` is False.
            source: The generator's inputs, with any number of channels, for metrics that need them.

        Raises:
            OptionError: An argument is not a floating-point tensor.
            ShapeError: A batch is empty or not (B, C, H, W), or a pair differs in shape.
        """
        pair: dict[str, Any] = {"fake": fake, "real": real}
        if self.needs_source:
            pair = {"fake": fake, "source": source}
        for what, images in pair.items():
            require_floats(self.name, what, images)
            if images.dim() != 4 or not images.numel():
                raise ShapeError(
                    f"{self.name} got {what} of shape {tuple(images.shape)}: expected one or more "
                    "images (B, C, H, W). Add a batch dimension to a single image: x.unsqueeze(0)"
                )
        if self.needs_pairs:
            end = 1 if self.needs_source else None  # sources may have other channels
            require_one_shape(self.name, **{what: x[:, :end] for what, x in pair.items()})
        with torch.no_grad():
            self._parts.append(tuple(x.double().cpu() for x in self._measure(*pair.values())))

    def compute(self) -> Estimate:
        """Returns the score of all images since the last reset.

        Raises:
            OptionError: There are too few images.
        """
        measures = [torch.cat(parts) for parts in zip(*self._parts, strict=True)]
        count = min(map(len, measures), default=0)
        if count < self.least:
            raise OptionError(
                f"{self.name} has {count} image{'s' * (count != 1)}, but needs at least "
                f"{self.least}: score more of them, or call update(fake, real) before compute()"
            )
        return self._score(*measures)

    def reset(self) -> None:
        """Removes all images."""
        self._parts = []

    @abstractmethod
    def _measure(self, fake: Tensor, real: Tensor) -> tuple[Tensor, ...]: ...

    @abstractmethod
    def _score(self, *measures: Tensor) -> Estimate: ...


class ImageMetric(Metric):
    """Base class: scores each image against its target, as `_each(fake, real)`: (B,).

    The metric is the mean, and its error the standard deviation / √n.
    """

    needs_pairs = True

    @property
    def values(self) -> list[float]:
        """One value per image, in the order of the updates."""
        return [value for (part,) in self._parts for value in part.tolist()]

    def each(self, fake: Tensor, real: Tensor) -> Tensor:
        """Returns one value per image: (B,), float64.

        Args:
            fake: Generated images (B, C, H, W) in [−1, 1].
            real: Their targets, of the same shape.
        """
        return self._each(fake.double(), real.double())

    @abstractmethod
    def _each(self, fake: Tensor, real: Tensor) -> Tensor: ...

    def _measure(self, fake: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        return (self.each(fake, real),)

    def _score(self, *measures: Tensor) -> Estimate:
        return mean_of(measures[0])


def mean_of(values: Tensor) -> Estimate:
    """Returns the mean of values (n,); the error of a single value is NaN."""
    error = values.std().item() / sqrt(len(values)) if len(values) > 1 else nan
    return Estimate(values.mean().item(), error, len(values))
