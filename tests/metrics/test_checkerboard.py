"""The checkerboard score: patterns of up-sampling raise it, blur does not."""

import math

import pytest
import torch
import torch.nn.functional as F

from ganblocks.errors import ShapeError
from ganblocks.metrics import METRICS


def photos(count=40, size=64, seed=0):
    """Images with the 1/f spectrum of photos."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, 3, size, size, generator=generator)
    frequencies = [torch.fft.fftfreq(size)[:, None], torch.fft.fftfreq(size)]
    radius = (frequencies[0] ** 2 + frequencies[1] ** 2).sqrt().clamp(min=1 / size)
    image = torch.fft.ifft2(torch.fft.fft2(noise) / radius).real
    return (0.3 * image / image.std()).clamp(-1, 1)


def score(fake, real):
    metric = METRICS.build("checkerboard")
    metric.update(fake, real)
    return metric.compute()


def by_loops(images):
    """Evaluates e of one image by sums over its pixels."""
    channels, height, width = images.shape
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    window = torch.sin(math.pi * rows / height) ** 2 * torch.sin(math.pi * columns / width) ** 2
    window = window.double()
    centered = (images.double() - images.double().mean((1, 2), keepdim=True)) * window

    def power(u, v):
        phase = rows.double() * u / height + columns.double() * v / width
        wave = torch.exp(-2j * math.pi * phase)
        rounding = channels * (2 / 255) ** 2 / 12 * (window**2).sum()
        return sum(abs((c * wave).sum()) ** 2 for c in centered) + rounding

    total = 0
    for i in range(4):
        for j in range(4):
            u, v = i * height / 4, j * width / 4
            near = [power(u + d, v) for d in (-4, -3, -2, 2, 3, 4) if i]
            near += [power(u, v + d) for d in (-4, -3, -2, 2, 3, 4) if j]
            if near:
                total += power(u, v) / (sum(near) / len(near))
    return total.item() / 15


def test_it_is_the_formula_summed_over_pixels():
    fake, real = torch.rand(2, 3, 32, 36), torch.rand(1, 3, 36, 33)
    expected = math.prod(map(by_loops, fake)) ** 0.5 / by_loops(real[0, :, :, :32])
    assert score(fake, real).value == pytest.approx(expected, rel=1e-6)


def test_real_photos_score_1_within_the_error():
    values = [score(*photos(seed=seed).chunk(2)) for seed in range(12)]
    deviations = [(v.value - 1) / v.error for v in values]
    assert max(map(abs, deviations)) < 3.5
    assert 0.5 < torch.tensor(deviations).std() < 1.5
    assert {v.count for v in values} == {20}


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("axes", ["both", "rows"])
def test_a_planted_pattern_raises_it(period, axes):
    real = photos()
    wave = torch.cos(2 * math.pi * torch.arange(64) / period)
    board = wave[:, None] * (wave if axes == "both" else torch.ones(64))
    scores = [score(real + amount * board, real).value for amount in (0, 0.02, 0.05)]
    assert scores[0] == 1
    assert scores[2] > scores[1] > 1.2


def test_a_transposed_convolution_raises_it():
    real = photos() + 0.3
    half = F.avg_pool2d(real, 2)
    kernel = torch.ones(3, 1, 3, 3) / 2.25  # overlaps unevenly: 3 is no multiple of the stride
    uneven = F.conv_transpose2d(half, kernel, stride=2, groups=3)[..., 1:, 1:]
    assert score(uneven, real).value > 10
    smooth = F.interpolate(half, scale_factor=2, mode="bicubic")
    assert score(smooth, real).value < 1.5


@pytest.mark.parametrize("sigma", [0.7, 1.5, 4.0])
def test_blur_does_not_raise_it(sigma):
    real = photos()
    kernel = torch.exp(-(torch.arange(-12, 13) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, 25)
    blurred = F.pad(real, (12, 12, 12, 12), mode="reflect")
    for weights in (kernel, kernel.transpose(2, 3)):
        blurred = F.conv2d(blurred, weights, groups=3)
    assert score(blurred, real).value < 1.1


def test_flat_images_have_no_pattern():
    flat = torch.zeros(3, 3, 32, 32)
    assert score(flat, flat).value == 1


def test_small_images_are_refused_and_leave_nothing():
    metric = METRICS.build("checkerboard")
    with pytest.raises(ShapeError, match="at least 32 pixels"):
        metric.update(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 35, 31))
    metric.update(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    assert metric.compute().count == 2
