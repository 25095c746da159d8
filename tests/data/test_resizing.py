"""Floats are resized like bytes, and each way to resize keeps its aspect."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchvision.transforms import v2
from torchvision.tv_tensors import Mask
from transformed import coordinates, plain, rounded, sides

from ganblocks.data.resizing import Fit, resized
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform


@pytest.mark.parametrize("new", [(17, 31), (40, 37), (64, 90)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_floats_are_resized_like_bytes_and_stay_in_range(new, channels):
    pixels = torch.randint(0, 256, (channels, 40, 37), dtype=torch.uint8)
    a, b = PairTransform(new, new, random=False)(pixels, pixels / 255, torch.Generator())
    assert 0 <= b.min() <= b.max() <= 1
    bicubic = torch.nn.functional.interpolate(
        pixels[None] / 255, new, mode="bicubic", antialias=True, align_corners=False
    )
    assert (b - bicubic[0].clamp(0, 1)).abs().max() < 1e-5
    assert (b * 255 - a).abs().mean() < 1  # bytes are rounded, and saturate, between two passes


def test_a_step_overshoots_in_no_type():
    step = torch.zeros(1, 32, 32, dtype=torch.uint8)
    step[..., 16:] = 255
    for image, top in ((step, 255), (step / 255, 1)):
        new = resized(image, (50, 50))
        assert (new.min(), new.max()) == (0, top)
        assert new[0, :, :20].max() == 0
    assert resized(Mask(step.float()), (50, 50)).unique().tolist() == [0, 255]


@settings(deadline=None, max_examples=30)
@given(size=st.tuples(sides, sides), new=st.tuples(sides, sides), seed=st.integers(0, 99))
def test_bytes_are_resized_as_torchvision_does(size, new, seed):
    pixels = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, *size), np.uint8))
    if new[1] > 1:
        mode = v2.InterpolationMode.BICUBIC
        assert torch.equal(resized(pixels, new), v2.functional.resize(pixels, list(new), mode))
    else:  # torch is wrong there: the column is that of a narrow result
        floats = v2.functional.resize(pixels.float(), list(new), v2.InterpolationMode.BICUBIC)
        assert (resized(pixels, new) - floats.clamp(0, 255)).abs().max() < 0.51


@settings(deadline=None)
@given(size=st.tuples(sides, sides), new=st.tuples(sides, sides))
def test_the_aspect_is_kept_up_to_one_rounding(size, new):
    image = torch.zeros(1, *size)
    factors = [Fraction(to, side) for to, side in zip(new, size, strict=True)]
    for resize, factor in (("cover", max(factors)), ("contain", min(factors))):
        expected = tuple(max(1, rounded(side * factor)) for side in size)
        assert tuple(Fit(new, resize).apply(image).shape[1:]) == expected
        limits = (new, (10**9,) * 2) if resize == "cover" else ((1, 1), new)
        assert all(low <= side <= high for side, low, high in zip(expected, *limits, strict=True))
    assert Fit(new, "stretch").apply(image).shape[1:] == new


@settings(deadline=None, max_examples=60)
@given(size=st.tuples(sides, sides), load=st.tuples(sides, sides), data=st.data())
@pytest.mark.parametrize("resize", ["stretch", "cover", "contain"])
@pytest.mark.parametrize("random", [True, False])
def test_every_way_to_resize_has_crops_of_one_size(resize, random, size, load, data):
    crop = tuple(data.draw(st.integers(1, side)) for side in load)
    transform = PairTransform(load, crop, resize=resize, random=random)
    image = torch.zeros(1, *size, dtype=torch.uint8)
    pair = transform.resize_pair(image, Mask(image))
    aim = load if random else crop
    assert pair[0].shape == pair[1].shape
    assert all(side >= least for side, least in zip(pair[0].shape[1:], aim, strict=True))
    assert resize == "cover" or pair[0].shape[1:] == aim
    for side in transform(image, Mask(image), torch.Generator().manual_seed(0)):
        assert side.shape == (1, *crop)


def test_cover_takes_the_middle_for_validation_and_any_part_for_training():
    image = coordinates(40, 120)
    a, b = PairTransform(40, 20, resize="cover", random=False)(
        image, Mask(image), torch.Generator()
    )
    assert a.shape == (3, 20, 20)
    assert abs(a[1].float().mean() - 59.5) < 1
    assert abs(b[1].float().mean() - 59.5) < 1
    transform = PairTransform(40, 40, resize="cover", mirror=False)
    lefts = [transform(image, image, seeded_generator(i))[0][1, 0, 0].item() for i in range(200)]
    assert (min(lefts), max(lefts)) == (0, 80)


@pytest.mark.parametrize("size", [(40, 120), (121, 40), (33, 64), (1, 40)])
def test_contain_pads_with_the_pixels_of_the_edges(size):
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    a, b = PairTransform(50, 50, resize="contain", random=False)(
        image, Mask(image[:1]), torch.Generator()
    )
    for side, whole in ((a, image), (b, Mask(image[:1]))):
        inner = Fit((50, 50), "contain").apply(whole)
        rows, columns = (50 - length for length in inner.shape[1:])
        widths = [(0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)]
        expected = np.pad(plain(inner).numpy(), widths, mode="edge")
        assert np.array_equal(plain(side).numpy(), expected)
    assert b.unique().numel() <= image[:1].unique().numel()


@pytest.mark.parametrize("resize", ["stretch", "cover", "contain"])
def test_a_trained_fit_and_back_again(resize):
    transform = PairTransform(30, "20x24", resize=resize)
    assert transform.fit == Fit((20, 24), resize)
    for image in (torch.rand(3, 37, 81), Mask(coordinates(37, 81))):
        fitted = transform.fit.apply(image)
        back = resized(fitted, image.shape[-2:])
        assert type(fitted) is type(back) is type(image)
        assert back.shape == image.shape
    assert PairTransform(None, 20, resize=resize).fit is None


def test_sizes_may_be_text():
    image = coordinates(30, 30)
    a, _ = PairTransform("20x30", "16x24")(image, image, torch.Generator())
    b, _ = PairTransform((20, 30), [16, 24])(image, image, torch.Generator())
    assert torch.equal(a, b)
