"""Base classes of metrics, and the L1 error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import nan, sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from torch import Tensor

from ganblocks.registry import Registry


class Estimate(NamedTuple):
    """A metric's value, its standard error (nan if unknown), and the number of images."""

    value: float
    error: float
    count: int


class Metric(ABC):
    """Base class: compares generated images with real ones.

    Attributes:
        better: `"lower"` or `"higher"`.
        needs_pairs: Whether each output is compared with its own target; False compares sets.
    """

    better = "lower"
    needs_pairs = True

    @abstractmethod
    def update(self, fake: Tensor, real: Tensor) -> None:
        """Adds images (B, C, H, W) in [-1, 1]."""

    @abstractmethod
    def compute(self) -> Estimate:
        """Returns the estimate over all images since the last reset."""

    @abstractmethod
    def reset(self) -> None:
        """Forgets all images."""


METRICS: Registry[Metric] = Registry("metrics")
"""Metrics by name."""


class ImageMetric(Metric):
    """Base class of metrics with one value per pair, whose mean is the estimate."""

    def __init__(self) -> None:
        self.values: list[float] = []

    @abstractmethod
    def each(self, fake: Tensor, real: Tensor) -> Tensor:
        """Returns one value per image, float64, (B,)."""

    def update(self, fake: Tensor, real: Tensor) -> None:
        """Adds images (B, C, H, W) in [-1, 1]."""
        self.values += self.each(fake, real).tolist()

    def compute(self) -> Estimate:
        """Returns the mean over all images since the last reset."""
        count = len(self.values)
        error = stdev(self.values) / sqrt(count) if count > 1 else nan
        return Estimate(fmean(self.values) if count else nan, error, count)

    def reset(self) -> None:
        """Forgets all images."""
        self.values = []


@METRICS.register("l1")
class L1Metric(ImageMetric):
    """The mean absolute error, for images in [-1, 1]."""

    def each(self, fake: Tensor, real: Tensor) -> Tensor:
        """Returns one value per image, float64, (B,)."""
        return (fake.double() - real.double()).abs().mean((1, 2, 3))
