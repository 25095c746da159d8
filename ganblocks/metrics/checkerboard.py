"""A spectral score of checkerboard artifacts from up-sampling."""

from __future__ import annotations

from itertools import product
from math import exp, hypot

import torch
from torch import Tensor

from ganblocks.errors import ShapeError
from ganblocks.metrics.base import METRICS, Estimate, Metric, mean_of

LEAST = 32
"""Below this side, the frequencies around a period of 4 reach those of a period of 2."""


@METRICS.register("checkerboard")
class Checkerboard(Metric):
    r"""Power of patterns of period 2 and 4, relative to real photos, which score 1.

    $$\exp\left(\overline{\log e(\text{fake})} - \overline{\log e(\text{real})}\right), \quad
    e = \frac{1}{15} \sum_{f} \frac{P(f)}{\overline{P(f + d)}}$$

    with the power P of the image under a Hann window, summed over channels, at the 15 frequencies f
    = (i, j) / 4 ≠ 0 cycles per pixel, where strided up-sampling leaves copies of the spectrum
    (Odena et al., 2016; Durall et al., 2020). d are steps of 2, 3 and 4 bins either way along each
    axis on which f is not 0. P includes the power of rounding to 8 bits, so weaker patterns count
    little. Images are cropped to sides that are multiples of 4. The error assumes independent sets.

    Raises:
        ShapeError: In update: images have a side below 32.

    Examples:
        >>> photos = torch.rand(8, 3, 64, 64)
        >>> board = torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).repeat(32, 32)
        >>> metric = Checkerboard()
        >>> metric.update(photos + board, photos)
        >>> metric.compute().value > 10
        True
    """

    name = "checkerboard"
    better = "lower"
    needs_pairs = False

    def _measure(self, fake: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        return _excess(fake), _excess(real)

    def _score(self, *measures: Tensor) -> Estimate:
        fake, real = map(mean_of, measures)
        ratio = exp(fake.value - real.value)
        return Estimate(ratio, ratio * hypot(fake.error, real.error), fake.count)


def _excess(images: Tensor) -> Tensor:
    height, width = (side // 4 * 4 for side in images.shape[2:])
    if min(height, width) < LEAST:
        raise ShapeError(
            f"images of shape {tuple(images.shape)} for checkerboard: expected sides of at least "
            f"{LEAST} pixels. Use larger images",
            see="image-too-small",
        )
    images = images[:, :, :height, :width].double()
    rows, columns = (
        torch.hann_window(n, dtype=images.dtype, device=images.device) for n in (height, width)
    )
    window = rows[:, None] * columns
    centered = images - images.mean((2, 3), keepdim=True)
    rounding = images.shape[1] * (2 / 255) ** 2 / 12 * window.square().sum()
    power = torch.fft.fft2(centered * window).abs().square().sum(1) + rounding
    ratios = []
    for i, j in product(range(4), repeat=2):
        if i or j:
            row, column = i * height // 4, j * width // 4
            steps = (-4, -3, -2, 2, 3, 4)
            around = [(d, 0) for d in steps if i] + [(0, d) for d in steps if j]
            near = [power[:, (row + a) % height, (column + b) % width] for a, b in around]
            ratios.append(power[:, row, column] / torch.stack(near).mean(0))
    return torch.stack(ratios).mean(0).log()
