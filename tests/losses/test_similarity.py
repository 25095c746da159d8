"""SSIM and MS-SSIM as published values are computed: on [0, 1], windows inside the image."""

import numpy as np
import plain
import pytest
import torch
from skimage.metrics import structural_similarity

from ganblocks.errors import OptionError
from ganblocks.losses import MSSSIMLoss, SSIMLoss, functional

RANGES = [(0, 1), (-1, 1), (0, 255), (-3.5, 0.25)]


def pictures(height, width, channels=1, noise=0.1, seed=0):
    """Two similar pictures in [0, 1] in float64, (1, C, H, W)."""
    draw = np.random.default_rng(seed)
    waves = np.sin(np.linspace(0, 9, height))[:, None] * np.cos(np.linspace(0, 7, width))
    picture = 0.5 + 0.4 * waves + 0.05 * draw.normal(size=(1, channels, height, width))
    other = picture + noise * draw.normal(size=picture.shape) + 0.03
    return picture.clip(0, 1), other.clip(0, 1)


def tensors(images, value_range):
    low, high = value_range
    return [torch.from_numpy(low + (high - low) * image) for image in images]


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("size", [(11, 11), (64, 48), (33, 90)])
def test_ssim_is_scikit_images(size, value_range):
    images = pictures(*size, channels=3)
    expected = structural_similarity(
        *(image[0] for image in images),
        channel_axis=0,
        data_range=1,
        win_size=11,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    given = tensors(images, value_range)
    assert functional.ssim(*given, value_range=value_range).item() == pytest.approx(
        expected, abs=1e-9
    )
    assert 1 - SSIMLoss(value_range=value_range)(*given).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("size", [(176, 176), (177, 190)])
def test_ms_ssim_is_that_of_plain_numpy(size, value_range):
    images = pictures(*size)
    expected = plain.ms_ssim(*images, functional.MS_SSIM_WEIGHTS, floor=0.0)
    given = tensors(images, value_range)
    assert functional.ms_ssim(*given, value_range=value_range).item() == pytest.approx(
        expected, abs=1e-9
    )
    loss = MSSSIMLoss(value_range=value_range)
    assert 1 - loss(*given).item() == pytest.approx(expected, abs=1e-9)


def test_brightness_counts_as_in_the_usual_libraries():
    gray = torch.full((1, 1, 16, 16), 0.05)
    assert functional.ssim(gray, -gray).item() == pytest.approx(0.995, abs=5e-4)
    same = functional.ssim(gray + 1, 1 - gray, value_range=(0, 2)).item()
    assert functional.ssim(gray, -gray).item() == pytest.approx(same, abs=1e-6)


def test_a_negative_mean_of_a_scale_is_0_unless_there_is_a_floor():
    image = torch.rand(1, 1, 176, 176, dtype=torch.float64)
    output = (1 - image).requires_grad_()
    value = functional.ms_ssim(output, image, value_range=(0, 1))
    assert value.item() == 0
    (gradient,) = torch.autograd.grad(value, output, create_graph=True)
    assert not gradient.any()
    assert not torch.isnan(gradient).any()
    loss = MSSSIMLoss(value_range=(0, 1))
    expected = plain.ms_ssim(1 - image.numpy(), image.numpy(), loss.weights, floor=1e-6)
    assert 1 - loss(output, image).item() == pytest.approx(expected, abs=1e-9) != 0
    assert MSSSIMLoss(value_range=(0, 1), floor=0)(output, image).item() == 1


@pytest.mark.parametrize("wrong", [2.0, "01", (1, -1), (0, 0), (0,), (0, float("inf")), None])
def test_a_value_range_that_is_none(wrong):
    with pytest.raises(OptionError, match="value_range is"):
        SSIMLoss(value_range=wrong)
    with pytest.raises(OptionError, match="value_range is"):
        functional.ssim(*torch.zeros(2, 1, 1, 16, 16), value_range=wrong)


@pytest.mark.parametrize("loss", [SSIMLoss(), MSSSIMLoss(weights=[0.5, 0.5])])
def test_of_a_picture_that_is_not_finite_they_are_neither(loss):
    picture = torch.zeros(1, 1, 22, 22)
    assert loss(torch.full_like(picture, float("nan")), picture).isnan()
