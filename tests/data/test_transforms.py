import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy import stats
from torch.utils.data import DataLoader
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ganblocks import SyntheticFacades
from ganblocks.data.formats import to_unit_range
from ganblocks.data.resizing import Fit, resized
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform, Window
from ganblocks.errors import OptionError, ShapeError

FACTORS = [(200, 286), (200, 131), (241, 97), (97, 241), (250, 249)]


def coordinates(height, width):
    """An image whose channels are the row, the column and nothing."""
    rows = torch.arange(height)[:, None].expand(height, width)
    columns = torch.arange(width)[None, :].expand(height, width)
    return torch.stack([rows, columns, torch.zeros_like(rows)]).to(torch.uint8)


def plain(image):
    return image.as_subclass(torch.Tensor)


def shift(photo, labels, channel):
    """Returns the mean shift of labels against the photo in source pixels, without the border."""
    inner = (channel, slice(8, -8), slice(8, -8))
    return (labels[inner].double() - photo[inner].double()).mean().item()


@pytest.mark.parametrize(("old", "new"), FACTORS)
@pytest.mark.parametrize("labels", ["a", "b"])
@pytest.mark.parametrize("random", [False, True])
def test_labels_do_not_shift_against_the_photo(old, new, labels, random):
    sides = {side: coordinates(old, old) for side in "ab"}
    sides[labels] = Mask(sides[labels])
    transform = PairTransform(new, new, mirror=False, random=random)
    a, b = (plain(side) for side in transform(**sides, generator=torch.Generator()))
    for channel in (0, 1):
        assert abs(shift(a, b, channel)) < 0.06
        inner = (channel, slice(8, -8), slice(8, -8))
        # a label pixel is a whole source pixel, so it is at most half one off, plus rounding
        assert (a[inner].double() - b[inner].double()).abs().max() <= 1


@pytest.mark.parametrize(("old", "new"), FACTORS[:3])
def test_plain_nearest_would_shift(old, new):
    image = coordinates(old, old)
    photo, _ = PairTransform(new, new, mirror=False)(image, image, torch.Generator())
    plain = v2.functional.resize(image, [new, new], v2.InterpolationMode.NEAREST)
    assert shift(photo, plain, 1) == pytest.approx(-old / new / 2, abs=0.06)


def test_the_crop_adds_no_shift():
    image = coordinates(200, 200)
    for seed in range(10):
        a, b = PairTransform(143, 101)(image, Mask(image), seeded_generator(seed))
        assert abs(shift(a, b, 0)) < 0.06
        assert abs(shift(a, b, 1)) < 0.06


sides = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(height=sides, width=sides, load=st.tuples(sides, sides), data=st.data(), seed=st.integers(0))
def test_both_sides_get_one_crop_and_one_mirror(height, width, load, data, seed):
    crop = tuple(data.draw(st.integers(1, side)) for side in load)
    transform = PairTransform(load, crop, mirror=data.draw(st.booleans()))
    image = coordinates(height, width)
    a, b = transform(image, image.clone(), torch.Generator().manual_seed(seed % 2**63))
    assert a.shape == (3, *crop)
    assert torch.equal(a, b)


@settings(deadline=None, max_examples=60)
@given(height=sides, width=sides, data=st.data(), seed=st.integers(0, 2**31))
def test_an_unresized_crop_is_a_window_of_the_image_for_photo_and_labels(height, width, data, seed):
    crop = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    mirror = data.draw(st.booleans())
    image = coordinates(height, width)
    transform = PairTransform(None, crop, mirror=mirror)
    a, b = transform(image, Mask(image), torch.Generator().manual_seed(seed))
    assert torch.equal(a, b)
    steps = a[1].int().diff(dim=1)
    assert (a[0].int().diff(dim=0) == 1).all()
    assert (steps == 1).all() or (mirror and (steps == -1).all())


def test_all_places_and_both_mirrors_come_up():
    image = coordinates(6, 5)
    transform = PairTransform(None, 4)
    seen = set()
    for seed in range(200):
        a, _ = transform(image, image, seeded_generator(seed))
        seen.add((a[0, 0, 0].item(), a[1, 0].min().item(), (a[1, 0, 0] > a[1, 0, 1]).item()))
    assert seen == {(top, left, flip) for top in range(3) for left in range(2) for flip in (0, 1)}


@settings(deadline=None)
@given(height=sides, width=sides, data=st.data(), seed=st.integers(0, 2**31))
def test_a_window_lies_within_the_image(height, width, data, seed):
    crop = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    transform = PairTransform(None, crop, random=data.draw(st.booleans()))
    window = transform._drawn_window(height, width, torch.Generator().manual_seed(seed))
    assert (window.height, window.width) == crop
    assert 0 <= window.top <= height - crop[0]
    assert 0 <= window.left <= width - crop[1]
    assert isinstance(window.mirrored, bool)


def test_windows_are_the_ones_that_earlier_releases_drew():
    transform = PairTransform(None, (16, 24))
    windows = [transform._drawn_window(40, 50, seeded_generator(seed)) for seed in range(4)]
    places = [(window.top, window.left, window.mirrored) for window in windows]
    assert places == [(24, 0, False), (5, 26, True), (1, 17, True), (0, 13, False)]


def test_a_window_is_cut_out_of_a_batch_too():
    images = torch.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)
    straight, mirrored = (Window(1, 2, 2, 4, flip).crop(images, (2, 4)) for flip in (False, True))
    assert straight.tolist() == images[:, :, 1:3, 2:6].tolist()
    assert mirrored.tolist() == [[[r[::-1] for r in c] for c in i] for i in straight.tolist()]


def test_resizing_is_deterministic():
    image = coordinates(30, 40)
    whole = PairTransform(24, 24, mirror=False)(image, Mask(image), seeded_generator(1))
    pair = PairTransform(24, 16).resize_pair(image, Mask(image))
    assert torch.equal(pair[0], whole[0])
    assert torch.equal(pair[1], whole[1])


@settings(deadline=None)
@given(shape=st.lists(st.integers(0, 9), max_size=4), seed=st.integers(0, 99))
def test_bytes_become_floats_by_one_formula(shape, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    expected = (pixels.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 127.5)
    assert np.array_equal(to_unit_range(torch.from_numpy(np.asarray(pixels))).numpy(), expected)


def test_floats_of_bytes_are_exact_at_the_ends_close_between_and_symmetric():
    pixels = torch.arange(256).byte()
    floats = to_unit_range(pixels)
    assert floats[[0, 255]].tolist() == [-1, 1]
    assert torch.equal(floats, -floats.flip(0))
    assert (floats.double() - (pixels.double() / 127.5 - 1)).abs().max() < 2**-23


def test_only_the_given_generator_is_drawn_from():
    image = coordinates(30, 30)
    transform = PairTransform(24, 16)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = transform(image, image, seeded_generator(1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    again = transform(image, image, seeded_generator(1))
    assert torch.equal(first[0], again[0])
    others = [transform(image, image, seeded_generator(key))[0] for key in range(2, 8)]
    assert any(not torch.equal(first[0], other) for other in others)


@pytest.mark.parametrize(
    "options",
    [{}, {"mirror": False}, {"load_size": None}, {"crop_size": 24}, {"resize": "cover"}],
)
def test_every_setting_draws_the_same_count_of_numbers(options):
    image = coordinates(30, 30)
    generator = seeded_generator(1)
    PairTransform(**{"load_size": 24, "crop_size": 16, **options})(image, image, generator)
    reference = seeded_generator(1)
    torch.rand(3, generator=reference, dtype=torch.float64)
    assert torch.equal(generator.get_state(), reference.get_state())


def test_labels_keep_their_colors_and_photos_do_not():
    image = torch.tensor([0, 170, 255], dtype=torch.uint8)[torch.randint(0, 3, (3, 40, 40))]
    a, b = PairTransform(53, 47)(image, Mask(image), torch.Generator())
    assert set(b.unique().tolist()) == {0, 170, 255}
    assert len(a.unique()) > 50


def test_the_photo_is_antialiased():
    stripes = torch.zeros(3, 64, 64, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    a, _ = PairTransform(16, 16)(stripes, stripes, torch.Generator())
    assert (a[..., 2:-2].int() - 127).abs().max() <= 2


def test_not_random_resizes_straight_to_the_crop_size():
    image = coordinates(50, 80)
    a, b = PairTransform(286, 33, random=False)(image, Mask(image), torch.Generator())
    expected = v2.functional.resize(image, [33, 33], v2.InterpolationMode.NEAREST_EXACT)
    assert a.shape == (3, 33, 33)
    assert torch.equal(plain(b), expected)


def test_not_random_and_not_resized_takes_the_middle():
    image = coordinates(10, 20)
    a, _ = PairTransform(None, 4, random=False)(image, image, torch.Generator())
    assert torch.equal(a, image[:, 3:7, 8:12])


def test_sizes_may_be_height_and_width():
    image = coordinates(30, 30)
    a, _ = PairTransform([20, 30], (16, 24))(image, image, torch.Generator())
    assert a.shape == (3, 16, 24)


@pytest.mark.parametrize("channels", [1, 4, 12])
def test_other_channel_counts(channels):
    image = torch.zeros(channels, 20, 20, dtype=torch.uint8)
    a, b = PairTransform(18, 16)(image, Mask(image), torch.Generator())
    assert a.shape == b.shape == (channels, 16, 16)


def test_sides_may_differ_in_channels():
    a, b = torch.zeros(3, 20, 20, dtype=torch.uint8), torch.zeros(1, 20, 20, dtype=torch.uint8)
    a, b = PairTransform(18, 16)(a, Mask(b), torch.Generator())
    assert (len(a), len(b)) == (3, 1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("load", [None, 18, 20])
@pytest.mark.parametrize("options", [{}, {"scale": (0.2, 0.9)}, {"extra": v2.ColorJitter(0.5)}])
@pytest.mark.parametrize("random", [False, True])
def test_masks_stay_masks_and_photos_are_plain_tensors(dtype, load, options, random):
    photo = Image(coordinates(20, 20).to(dtype).div(20).to(dtype))
    transform = PairTransform(load, 15, random=random, **options)
    for seed in range(3):  # mirrored or not
        a, b = transform(photo, Mask(coordinates(20, 20)), torch.Generator().manual_seed(seed))
        assert (type(a), a.dtype) == (torch.Tensor, dtype)
        assert (type(b), b.dtype) == (Mask, torch.uint8)
        assert a.shape == b.shape == (3, 15, 15)
        assert torch.equal(
            transform(b, a, torch.Generator())[0], transform(b, b, torch.Generator())[1]
        )


def test_it_can_be_sent_to_a_worker():
    transform = PairTransform("40x50", (30, 20), resize="cover", scale=(0.5, 1.0))
    assert pickle.loads(pickle.dumps(transform)) == transform


@pytest.mark.parametrize("crop", [287, (100, 300), (300, 100)])
def test_a_crop_larger_than_the_load_size_is_refused(crop):
    with pytest.raises(OptionError, match=r"larger than load_size 286 high x 286 wide: write a"):
        PairTransform(crop_size=crop)


def test_a_crop_larger_than_the_load_size_is_fine_where_load_size_is_not_used():
    image = coordinates(20, 20)
    a, _ = PairTransform(286, 300, random=False)(image, image, torch.Generator())
    assert a.shape == (3, 300, 300)


@pytest.mark.parametrize("random", [True, False])
def test_a_crop_larger_than_an_unresized_image_is_refused(random):
    image = coordinates(20, 30)
    with pytest.raises(ShapeError, match=r"24 high x 24 wide .* image of 20 high x 30 wide"):
        PairTransform(None, 24, random=random)(image, image, torch.Generator())


def test_sides_of_different_sizes_are_refused():
    with pytest.raises(ShapeError, match="a is 20 high x 30 wide and b is 30 high x 20 wide"):
        PairTransform(16, 16)(coordinates(20, 30), coordinates(30, 20), torch.Generator())


WRONG_SIZES = [0, -1, 1.5, True, "256", "0x4", "4x", "x4", "1x2x3", "4,5", "-1x2", "1.5x2", "4x4\n"]


@pytest.mark.parametrize("size", [*WRONG_SIZES, (1, 2, 3), (4, 0), ()])
@pytest.mark.parametrize("name", ["load_size", "crop_size"])
def test_invalid_sizes_are_rejected(name, size):
    with pytest.raises(OptionError, match=f"{name} is .*: (write a positive|pass a) whole number"):
        PairTransform(**{name: size})


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


def rounded(value):
    """Rounds a fraction; halves upward."""
    return math.floor(value + Fraction(1, 2))


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


def drawn_windows(transform, height, width, count=4000):
    return [transform._drawn_window(height, width, seeded_generator(1, i)) for i in range(count)]


def test_scaled_crops_come_from_the_distribution_of_torchvision():
    options = {"scale": (0.2, 0.5), "ratio": (0.6, 1.5)}  # where nothing is clipped
    ours = drawn_windows(PairTransform(None, 8, **options), 300, 340)
    torch.manual_seed(0)
    image = torch.zeros(1, 300, 340)
    draw = v2.RandomResizedCrop(8, **options).make_params
    theirs = [draw([image]) for _ in ours]
    for value in ("top", "left", "height", "width"):
        a, b = [getattr(window, value) for window in ours], [window[value] for window in theirs]
        assert stats.ks_2samp(a, b).pvalue > 1e-3, value
    shares = [window.height * window.width / (300 * 340) for window in ours]
    logs = [math.log(window.width / window.height) for window in ours]
    assert stats.kstest(shares, stats.uniform(0.2, 0.3).cdf).pvalue > 1e-3
    low, high = math.log(0.6), math.log(1.5)
    assert stats.kstest(logs, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    assert abs(stats.pearsonr(shares, logs)[0]) < 0.05


def test_scaled_crops_start_anywhere_with_equal_chances():
    options = {"scale": (0.25, 0.25), "ratio": (1, 1)}  # always 8 by 8
    windows = drawn_windows(PairTransform(None, 5, **options), 16, 16)
    assert {(window.height, window.width) for window in windows} == {(8, 8)}
    counts = np.zeros((9, 9, 2))
    for window in windows:
        counts[window.top, window.left, int(window.mirrored)] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


@settings(deadline=None)
@given(
    size=st.tuples(sides, sides),
    scale=st.tuples(st.floats(1e-6, 1), st.floats(1e-6, 1)).map(sorted),
    ratio=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)).map(sorted),
    seed=st.integers(0, 2**31),
)
def test_scaled_crops_lie_within_the_image(size, scale, ratio, seed):
    transform = PairTransform(None, 50, scale=scale, ratio=ratio)
    window = transform._drawn_window(*size, torch.Generator().manual_seed(seed))
    assert 0 <= window.top <= window.top + window.height - 1 < size[0]
    assert 0 <= window.left <= window.left + window.width - 1 < size[1]
    a, b = transform(torch.zeros(1, *size), torch.zeros(1, *size), torch.Generator())
    assert a.shape == b.shape == (1, 50, 50)


def test_scaled_crops_are_torchvisions_resized_crops():
    photo = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8)
    transform = PairTransform(None, (16, 24), scale=(0.2, 0.8))
    for seed in range(10):
        a, b = transform(photo, Mask(photo), seeded_generator(seed))
        top, left, height, width, flip = transform._drawn_window(40, 50, seeded_generator(seed))
        for side, mode in ((a, "BICUBIC"), (b, "NEAREST_EXACT")):
            mode = v2.InterpolationMode[mode]
            box = (top, left, height, width)
            expected = v2.functional.resized_crop(photo, *box, [16, 24], mode, antialias=True)
            assert torch.equal(plain(side), expected.flip(-1) if flip else expected)


def test_scale_leaves_the_first_three_numbers_and_validation_as_they_are():
    image = coordinates(30, 30)
    whole = {"scale": (1, 1), "ratio": (1, 1)}
    for seed in range(5):
        a, b = (
            PairTransform(30, 30, **o)(image, image, seeded_generator(seed))[0] for o in ({}, whole)
        )
        assert torch.equal(a, b)
    still = PairTransform(24, 20, random=False, scale=(0.1, 0.2), extra=v2.RandomInvert(1))
    expected = PairTransform(24, 20, random=False)(image, image, torch.Generator())[0]
    generator = seeded_generator(1)
    assert torch.equal(still(image, image, generator)[0], expected)
    assert torch.equal(generator.get_state(), seeded_generator(1).get_state())


def test_small_images_may_be_enlarged_by_scaled_crops_only():
    image = coordinates(10, 10)
    transform = PairTransform(None, 16, scale=(0.5, 1.0))
    assert transform(image, image, torch.Generator())[0].shape == (3, 16, 16)
    with pytest.raises(ShapeError, match="larger than an image"):
        PairTransform(None, 16, scale=(0.5, 1.0), random=False).require_fit(10, 10)


ROTATION = v2.RandomRotation(40, v2.InterpolationMode.NEAREST)
JITTER = v2.ColorJitter(0.5, 0.5, 0.5, 0.2)


def test_extra_turns_both_sides_alike():
    image = torch.randint(1, 256, (3, 40, 40), dtype=torch.uint8)
    transform = PairTransform(None, 40, mirror=False, extra=ROTATION)
    turned = [transform(image, Mask(image), seeded_generator(seed)) for seed in range(10)]
    assert all(torch.equal(a, plain(b)) for a, b in turned)
    assert len({tuple(a.flatten().tolist()) for a, _ in turned}) == 10


def test_extra_changes_the_colors_of_photos_only_and_of_two_photos_alike():
    image = torch.randint(1, 256, (3, 40, 40), dtype=torch.uint8)
    transform = PairTransform(None, 40, mirror=False, extra=JITTER)
    a, b = transform(image, Mask(image), seeded_generator(1))
    assert torch.equal(plain(b), image)
    assert not torch.equal(a, image)
    both = transform(image, image.clone(), seeded_generator(1))
    assert torch.equal(both[0], both[1])
    assert torch.equal(both[0], a)


def test_extra_is_applied_after_the_draw_that_stands():
    image = torch.randint(0, 256, (3, 40, 40), dtype=torch.uint8)
    for seed in range(5):
        invert = PairTransform(38, 30, extra=v2.RandomInvert(1))(
            image, image, seeded_generator(seed)
        )
        assert torch.equal(
            255 - invert[0], PairTransform(38, 30)(image, image, seeded_generator(seed))[0]
        )


NOISE = v2.GaussianNoise()


@pytest.mark.parametrize("extra", [ROTATION, JITTER, NOISE, v2.Compose([JITTER, NOISE])])
def test_extra_depends_on_the_generator_alone_and_leaves_the_global_one(extra, monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", None)  # a GPU's generator is not seeded
    monkeypatch.setattr(torch.cuda, "manual_seed", None)
    image = torch.rand(3, 40, 40)
    transform = PairTransform(None, 32, extra=extra)
    results = []
    for seed in (0, 1):
        torch.default_generator.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(transform(image, image, seeded_generator(5))[0])
        assert torch.equal(torch.get_rng_state(), before)
    rows = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)  # as decoders store it
    results.append(transform(rows, rows, seeded_generator(5))[0])
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert 0 <= results[0].min() <= results[0].max() <= 1


def test_extra_draws_the_same_in_workers():
    transform = PairTransform(None, 16, scale=(0.3, 1), extra=v2.Compose([ROTATION, JITTER]))
    dataset = SyntheticFacades(6, 32, transform=transform)
    keys = [(epoch, index) for epoch in (0, 3) for index in range(6)]
    direct = torch.stack([dataset[key]["source"] for key in keys])
    for workers in (0, 2):
        loader = DataLoader(dataset, batch_size=4, sampler=keys, num_workers=workers)
        assert torch.equal(torch.cat([batch["source"] for batch in loader]), direct)
    assert not torch.equal(direct[:6], direct[6:])


def write_to_both(a, b):
    a.zero_()
    b.zero_()
    return a, b


def test_extra_may_be_a_function_that_writes_to_its_images():
    image = torch.ones(3, 20, 20)
    a, b = PairTransform(None, 20, mirror=False, extra=write_to_both)(
        image, Mask(image), torch.Generator()
    )
    assert a.max() == b.max() == 0
    assert image.min() == 1


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            v2.ColorJitter(saturation=(2, 2)),
            r"extra raised \w+ for .*float32 \(5, 8, 8\) and .*1, 8, 8",
        ),
        (lambda a, b: None, r"extra raised TypeError for .*\(5, 8, 8\).*: 'NoneType'"),
        (lambda image: image, r"extra raised TypeError .*2 were given. Write a transform of torch"),
        (lambda a, b: a, r"extra raised TypeError .*: it returned"),
        (lambda a, b: (a, a, b), r"it returned .*\(5, 8, 8\) and .*\(5, 8, 8\) and"),
        (v2.CenterCrop(4), r"it returned torch.float32 \(5, 4, 4\) and .* keeps their shapes"),
        (v2.ToDtype({Image: torch.uint8, "others": None}), r"it returned torch.uint8 \(5, 8, 8\)"),
    ],
)
def test_what_fails_in_extra_is_named(extra, message):
    transform = PairTransform(None, 8, extra=extra)
    mask = Mask(torch.zeros(1, 8, 8, dtype=torch.uint8))
    with pytest.raises(OptionError, match=message) as caught:
        transform(torch.zeros(5, 8, 8), mask, torch.Generator())
    assert "\n" not in str(caught.value)


def test_its_text_is_short_and_has_no_addresses():
    assert repr(PairTransform(None, 16)) == (
        "PairTransform(load_size=None, crop_size=16, mirror=True, random=True)"
    )
    assert repr(PairTransform(resize="cover", scale=(0.5, 1))) == (
        "PairTransform(load_size=286, crop_size=256, mirror=True, random=True, resize='cover', "
        "scale=(0.5, 1))"
    )
    assert repr(PairTransform(extra=write_to_both)).endswith("extra=<function write_to_both>)")
    jitter = repr(
        PairTransform(extra=v2.Compose([v2.ColorJitter(0.5), v2.RandomApply([object()])]))
    )
    assert "ColorJitter(brightness=(0.5, 1.5))" in jitter
    assert " at 0x" not in jitter
    assert "\n" not in jitter


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": "covr"}, "unknown resize 'covr': did you mean 'cover'"),
        ({"scale": (0, 1)}, r"scale is \(0, 1\): write \(low, high\) with 0 < low <= high <= 1"),
        ({"scale": (0.5, 1.1)}, "scale is"),
        ({"scale": (0.5,)}, "scale is"),
        ({"scale": ()}, "scale is"),
        ({"scale": 0.5}, "scale is 0.5: pass a list, each item a number or None"),
        ({"ratio": (2, 1)}, r"ratio is \(2, 1\): write \(low, high\) with 0 < low <= high\n"),
        ({"ratio": (-1, 1)}, "ratio is"),
        ({"ratio": (1, math.inf)}, "ratio is"),
        ({"ratio": (math.nan, 1)}, "ratio is"),
        ({"extra": "jitter"}, "extra is 'jitter': pass a callable or None"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        PairTransform(**options)


def test_new_options_are_given_by_name():
    with pytest.raises(OptionError, match="too many positional arguments"):
        PairTransform(286, 256, True, True, "cover")
