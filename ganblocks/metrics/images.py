"""Metrics that compare each image with its target."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganblocks.losses import MSSSIMLoss, SSIMLoss
from ganblocks.losses.functional import MS_SSIM_WEIGHTS
from ganblocks.metrics.base import METRICS, ImageMetric


@METRICS.register("l1")
class L1(ImageMetric):
    """Mean absolute error of images in [−1, 1].

    Examples:
        >>> metric = L1()
        >>> metric.update(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4))
        >>> metric.compute()
        Estimate(value=1.0, error=0.0, count=2)
    """

    name = "l1"
    better = "lower"

    def _each(self, fake: Tensor, real: Tensor) -> Tensor:
        return (fake - real).abs().mean((1, 2, 3))


@METRICS.register("psnr")
class PSNR(ImageMetric):
    """Peak signal-to-noise ratio in dB: 10 log₁₀(2² / mean((fake − real)²)), per image.

    [−1, 1] spans 2. It is infinite for equal images.

    Examples:
        >>> metric = PSNR()
        >>> metric.update(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.2))
        >>> round(metric.compute().value, 3)
        20.0
    """

    name = "psnr"
    better = "higher"

    def _each(self, fake: Tensor, real: Tensor) -> Tensor:
        return 10 * torch.log10(4 / (fake - real).square().mean((1, 2, 3)))


class _Similarity(ImageMetric):
    better = "higher"
    loss: SSIMLoss

    def _each(self, fake: Tensor, real: Tensor) -> Tensor:
        pairs = zip(fake.split(1), real.split(1), strict=True)
        return 1 - torch.stack([self.loss(*pair) for pair in pairs])


@METRICS.register("ssim")
class SSIM(_Similarity):
    """Structural similarity (Wang et al., 2004), as in `SSIMLoss`; 1 for equal images.

    Examples:
        >>> image, metric = torch.rand(2, 3, 16, 16), SSIM()
        >>> metric.update(image, image)
        >>> round(metric.compute().value, 6)
        1.0
    """

    name = "ssim"

    def __init__(self) -> None:
        self.loss = SSIMLoss()
        super().__init__()


@METRICS.register("ms_ssim")
class MSSSIM(_Similarity):
    """Multi-scale structural similarity (Wang et al., 2003), as in `MSSSIMLoss` with `floor=0`.

    Five scales need images of at least 176×176 pixels.

    Args:
        weights: Exponents of the scales, finest first.

    Raises:
        OptionError: A weight is negative, or there are none.

    Examples:
        >>> image, metric = torch.rand(2, 3, 24, 24), MSSSIM(weights=[0.5, 0.5])
        >>> metric.update(image, image)
        >>> round(metric.compute().value, 6)
        1.0
    """

    name = "ms_ssim"

    def __init__(self, *, weights: Sequence[float] = MS_SSIM_WEIGHTS) -> None:
        self.loss = MSSSIMLoss(weights=weights, floor=0)
        super().__init__()
