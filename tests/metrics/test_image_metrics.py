"""L1, PSNR, SSIM and MS-SSIM: as torchmetrics, scikit-image and plain NumPy compute them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from skimage import metrics as skimage
from torchmetrics.functional import image as torchmetrics

from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses.functional import MS_SSIM_WEIGHTS
from ganblocks.metrics import METRICS, Estimate


def pair(batch=3, channels=3, height=40, width=36, seed=0, noise=0.3):
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(2, batch, channels, height // 4, width // 4, generator=generator) * 2 - 1
    size = (height, width)
    real, other = (torch.nn.functional.interpolate(x, size, mode="bicubic") for x in draws)
    return ((1 - noise) * real + noise * other).clamp(-1, 1), real.clamp(-1, 1)


def values_of(metric, fake, real):
    built = METRICS.build(metric)
    built.update(fake, real)
    return built.values


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 4),
    channels=st.integers(1, 5),
    noise=st.floats(0.01, 1),
    seed=st.integers(0, 99),
)
def test_l1_and_psnr_are_those_of_numpy(batch, channels, noise, seed):
    fake, real = pair(batch, channels, 12, 8, seed, noise)
    wrong = fake.numpy().astype(float) - real.numpy().astype(float)
    np.testing.assert_allclose(values_of("l1", fake, real), abs(wrong).mean((1, 2, 3)))
    decibels = 10 * np.log10(2**2 / (wrong**2).mean((1, 2, 3)))
    np.testing.assert_allclose(values_of("psnr", fake, real), decibels, rtol=1e-9)


def test_psnr_is_that_of_torchmetrics_and_scikit_image():
    fake, real = pair()
    options = {"data_range": 2.0, "reduction": "none", "dim": (1, 2, 3)}
    expected = torchmetrics.peak_signal_noise_ratio(fake, real, **options)
    assert values_of("psnr", fake, real) == pytest.approx(expected.tolist(), rel=1e-5)
    one = skimage.peak_signal_noise_ratio(real[0].numpy(), fake[0].numpy(), data_range=2)
    assert values_of("psnr", fake, real)[0] == pytest.approx(one, rel=1e-6)


def compare(a, b, **options):
    measure = torchmetrics.structural_similarity_index_measure
    return measure(a, b, data_range=1.0, reduction="none", **options)[1]


def inside(a, b):
    """Returns the similarities at windows inside the image; torchmetrics' mean has all others."""
    return compare(a, b, return_full_image=True)[..., 5:-5, 5:-5]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_ssim_is_that_of_torchmetrics_and_scikit_image(channels):
    fake, real = pair(channels=channels)
    units = [(x.double() + 1) / 2 for x in (fake, real)]
    expected = inside(*units).mean((1, 2, 3))
    assert values_of("ssim", fake, real) == pytest.approx(expected.tolist(), abs=1e-9)
    one = skimage.structural_similarity(
        *(x[0].numpy() for x in units),
        data_range=1.0,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert values_of("ssim", fake, real)[0] == pytest.approx(one, abs=1e-9)


@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_ms_ssim_is_that_of_torchmetrics(noise):
    fake, real = pair(2, 1, 192, 176, noise=noise)
    units = [(x.double() + 1) / 2 for x in (fake, real)]
    expected = torch.ones(2)
    for weight in MS_SSIM_WEIGHTS[:-1]:
        expected = expected * compare(*units, return_contrast_sensitivity=True).clamp(0) ** weight
        units = [torch.nn.functional.avg_pool2d(x, 2) for x in units]
    expected = expected * inside(*units).mean((1, 2, 3)).clamp(0) ** MS_SSIM_WEIGHTS[-1]
    assert values_of("ms_ssim", fake, real) == pytest.approx(expected.tolist(), abs=1e-9)


def test_the_estimate_is_the_mean_with_its_standard_error():
    metric = METRICS.build("l1")
    for n in (1.0, 2.0, 6.0):
        metric.update(torch.full((1, 1, 2, 2), n), torch.zeros(1, 1, 2, 2))
    spread = np.std([1, 2, 6], ddof=1) / math.sqrt(3)
    assert metric.values == [1, 2, 6]
    assert metric.compute() == pytest.approx(Estimate(3.0, spread, 3))
    metric.reset()
    metric.update(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    assert math.isnan(metric.compute().error)


@pytest.mark.parametrize("name", ["l1", "psnr", "ssim"])
def test_bfloat16_images_are_compared_in_full_precision(name):
    fake, real = (x.bfloat16() for x in pair())
    assert values_of(name, fake, real) == values_of(name, fake.double(), real.double())


def test_equal_images_have_the_best_value():
    _, real = pair(1, 1, 176, 176)
    best = {name: values_of(name, real, real)[0] for name in ("l1", "psnr", "ssim", "ms_ssim")}
    assert best == pytest.approx({"l1": 0, "psnr": math.inf, "ssim": 1, "ms_ssim": 1})


@pytest.mark.parametrize("name", ["l1", "kid", "checkerboard"])
def test_wrong_images_are_named(name):
    options = {"features": torch.nn.Flatten()} if name == "kid" else {}
    metric, image = METRICS.build(name, **options), torch.zeros(2, 3, 32, 32)
    with pytest.raises(OptionError, match=f"{metric.name} has 0 images, but needs at least"):
        metric.compute()
    with pytest.raises(ShapeError, match=r"got fake of shape \(3, 32, 32\).*unsqueeze"):
        metric.update(image[0], image[0])
    with pytest.raises(ShapeError, match=r"got real of shape \(0, 3, 32, 32\)"):
        metric.update(image, image[:0])
    with pytest.raises(OptionError, match=r"uint8.*127\.5"):
        metric.update(image, image.byte())


def test_pairs_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match="crop or resize one to the other"):
        METRICS.build("l1").update(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 9))
    with pytest.raises(ShapeError, match="at least 176"):
        METRICS.build("ms_ssim").update(*torch.zeros(2, 1, 3, 128, 128))


def test_ms_ssim_of_an_inverted_image_is_0_as_published_values_are():
    _, real = pair(1, 1, 176, 176)
    assert values_of("ms_ssim", -real, real) == [0]
