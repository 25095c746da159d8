"""Distances between the features of two sets of images."""

from __future__ import annotations

from abc import abstractmethod
from math import nan, sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.metrics.base import METRICS, Estimate, Metric
from ganblocks.metrics.features import named_features


class _FeatureMetric(Metric):
    better = "lower"
    needs_pairs = False
    least = 2
    prefix: ClassVar[str]

    def __init__(self, features: str | nn.Module = "lite0") -> None:
        name, self.features = named_features(features)
        self.name = f"{self.prefix}_{name}"
        super().__init__()

    def _measure(self, fake: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        rows = self.features(fake), self.features(real)
        if any(x.dim() != 2 for x in rows):
            raise ShapeError(
                f"{self.name} got features of shape {tuple(rows[0].shape)}: expected (B, D). "
                "Average maps over their positions: x.mean((2, 3))"
            )
        return rows

    def _score(self, *measures: Tensor) -> Estimate:
        finite = all(x.isfinite().all() for x in measures)
        return self._distance(*measures) if finite else Estimate(nan, nan, len(measures[0]))

    @abstractmethod
    def _distance(self, x: Tensor, y: Tensor) -> Estimate: ...


@METRICS.register("kid")
class KID(_FeatureMetric):
    """Kernel distance of features (Bińkowski et al., 2018), named `"kid_lite0"`, for example.

    The unbiased squared MMD over all images, mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean
    k(xᵢ, yⱼ), with features x and y of D values and k(x, y) = (x·y / D + 1)³. It is 0 on average
    for sets from one distribution, so it can be negative. The error is the jackknife's (Efron and
    Stein, 1981), assumes independent sets, and is NaN for sets of 2 images. The published KID uses
    Inception features: values for other features are not comparable.

    Args:
        features: A name in `FEATURES`, or your own module, images (B, C, H, W) → (B, D).

    Raises:
        OptionError: The name is unknown.
        DataError: The weights are not installed.

    Examples:
        >>> metric = KID(nn.Flatten())
        >>> metric.update(torch.rand(4, 3, 2, 2), torch.rand(5, 3, 2, 2))
        >>> metric.name, metric.compute().count
        ('kid_flatten', 4)
    """

    prefix = "kid"

    def _distance(self, x: Tensor, y: Tensor) -> Estimate:
        m, n = len(x), len(y)
        xx, yy, xy, yx = (_kernel_sums(*sets) for sets in ((x, x), (y, y), (x, y), (y, x)))
        sums = xx.sum(), yy.sum(), xy.sum()
        error = nan
        if min(m, n) > 2:
            without_x = _mmd(sums[0] - 2 * xx, sums[1], sums[2] - xy, m - 1, n)
            without_y = _mmd(sums[0], sums[1] - 2 * yy, sums[2] - yx, m, n - 1)
            error = sqrt(sum(t.var(correction=0) * (len(t) - 1) for t in (without_x, without_y)))
        return Estimate(_mmd(*sums, m, n).item(), error, m)


@METRICS.register("fd")
class FrechetDistance(_FeatureMetric):
    """Fréchet distance of features (Dowson and Landau, 1982), named `"fd_lite0"`, for example.

    |μx − μy|² + tr(Σx + Σy − 2 (Σx Σy)^½), with means and unbiased covariances. It is biased
    upward, more so for fewer images: compare only sets of equal sizes. The error is NaN.

    FID is this distance for Inception features: values for other features are not comparable.

    Args:
        features: As in `KID`.

    Raises:
        OptionError: The name is unknown.
        DataError: The weights are not installed.

    Examples:
        >>> image, metric = torch.rand(4, 3, 2, 2), FrechetDistance(nn.Flatten())
        >>> metric.update(image, image)
        >>> metric.compute().value < 1e-9
        True
    """

    prefix = "fd"

    def _distance(self, x: Tensor, y: Tensor) -> Estimate:
        roots = _root(x), _root(y)
        # tr (Σx Σy)^½ is the sum of the singular values of Rx Ryᵀ; as roots of eigenvalues, they
        # would lose half of their digits.
        shared = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
        spread = roots[0].square().sum() + roots[1].square().sum() - 2 * shared
        value = (x.mean(0) - y.mean(0)).square().sum() + spread.clamp(min=0)
        return Estimate(value.item(), nan, len(x))


def _kernel_sums(x: Tensor, y: Tensor) -> Tensor:
    """Returns the sum of k(xᵢ, yⱼ) over j, without j = i within one set."""
    parts = [(part @ y.T / x.shape[1] + 1).pow(3).sum(1) for part in x.split(1024)]
    own = (x.square().sum(1) / x.shape[1] + 1).pow(3) if x is y else 0
    return torch.cat(parts) - own


def _mmd(xx: Tensor, yy: Tensor, xy: Tensor, m: int, n: int) -> Tensor:
    return xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n)


def _root(x: Tensor) -> Tensor:
    """Returns R of at most D rows, with RᵀR the covariance."""
    root = (x - x.mean(0)) / sqrt(len(x) - 1)
    return torch.linalg.qr(root, mode="r").R if len(x) > x.shape[1] else root
