"""Scaled crops come from their distribution; other transforms have one draw for both sides."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy import stats
from torch.utils.data import DataLoader
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask
from transformed import (
    JITTER,
    NOISE,
    ROTATION,
    coordinates,
    drawn_windows,
    plain,
    sides,
    write_to_both,
)

from ganblocks import SyntheticFacades
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import OptionError, ShapeError


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
