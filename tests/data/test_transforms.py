"""PairTransform: one draw for both sides, sizes, labels and photos."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask
from transformed import FACTORS, WRONG_SIZES, coordinates, plain, shift, sides

from ganblocks.data.formats import to_unit_range
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform, Window
from ganblocks.errors import OptionError, ShapeError


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


@pytest.mark.parametrize("size", [*WRONG_SIZES, (1, 2, 3), (4, 0), ()])
@pytest.mark.parametrize("name", ["load_size", "crop_size"])
def test_invalid_sizes_are_rejected(name, size):
    with pytest.raises(OptionError, match=f"{name} is .*: (write a positive|pass a) whole number"):
        PairTransform(**{name: size})
