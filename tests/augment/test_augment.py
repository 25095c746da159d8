"""What DiffAugment makes of images, against the paper's words in numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from ganblocks import DiffAugment
from ganblocks.augment import AUGMENTATIONS, ColorJitter, Cutout, Translation
from ganblocks.errors import OptionError, ShapeError

sizes = st.integers(1, 20)


def test_color_is_brightness_then_saturation_then_contrast():
    x = torch.rand(3, 4, 5, 6, dtype=torch.float64)
    torch.manual_seed(5)
    brightness, saturation, contrast = (2 * torch.rand(3, 3, 1, 1, 1) - 1).double().numpy()
    due = x.numpy() + 0.4 * brightness
    mean = due.mean(1, keepdims=True)
    due = mean + (1 + 0.8 * saturation) * (due - mean)
    mean = due.mean((1, 2, 3), keepdims=True)
    due = mean + (1 + 0.6 * contrast) * (due - mean)
    torch.manual_seed(5)
    (got,) = ColorJitter(brightness=0.4, saturation=0.8, contrast=0.6)(x)
    np.testing.assert_allclose(got, due, rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, ratio=st.floats(0, 1), seed=st.integers(0, 99))
def test_translation_moves_and_fills_with_zeros(height, width, ratio, seed):
    torch.manual_seed(seed)
    x = torch.rand(2, 1, height, width) + 0.1
    (moved,) = Translation(ratio)(x)
    for image, result in zip(x[:, 0].numpy(), moved[:, 0].numpy(), strict=True):
        most = [int(n * ratio + 0.5) for n in (height, width)]
        found = [
            (i, j)
            for i in range(-most[0], most[0] + 1)
            for j in range(-most[1], most[1] + 1)
            if np.array_equal(result, shifted(image, i, j))
        ]
        assert found


def shifted(image, down, right):
    result = np.zeros_like(image)
    height, width = image.shape
    for i in range(height):
        for j in range(width):
            if 0 <= i - down < height and 0 <= j - right < width:
                result[i, j] = image[i - down, j - right]
    return result


def test_every_shift_is_drawn():
    (moved,) = Translation(0.25)(torch.rand(1, 1, 8, 8).expand(2000, -1, -1, -1))
    assert len(torch.unique(moved.flatten(1), dim=0)) == 5 * 5


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, ratio=st.floats(0, 1), seed=st.integers(0, 99))
def test_cutout_cuts_one_rectangle(height, width, ratio, seed):
    torch.manual_seed(seed)
    (cut,) = Cutout(ratio)(torch.ones(3, 1, height, width))
    for image in cut[:, 0].numpy():
        rows, columns = np.nonzero(image == 0)
        if len(rows):
            inside = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert (inside == 0).all()
            assert (image == 0).sum() == inside.size
            assert inside.shape[0] <= int(height * ratio + 0.5)
            assert inside.shape[1] <= int(width * ratio + 0.5)


def test_cutouts_differ_within_a_batch_and_reach_every_border_alike():
    torch.manual_seed(0)
    (cut,) = Cutout(0.5)(torch.ones(6000, 1, 8, 8))
    gone = (cut[:, 0] == 0).float()
    assert gone.sum((1, 2)).max() == 4 * 4
    assert len(torch.unique(gone.flatten(1), dim=0)) > 40
    often = gone.mean(0)
    torch.testing.assert_close(often, often.flip(0), atol=0.03, rtol=0)
    torch.testing.assert_close(often, often.flip(1), atol=0.03, rtol=0)


def test_the_policy_is_applied_in_its_order_with_one_draw_for_all():
    photo = torch.rand(4, 3, 16, 16)
    labels = torch.cat((photo, photo), 1)
    augment = DiffAugment()
    assert [type(part) for part in augment.augmentations] == [ColorJitter, Translation, Cutout]
    varied, varied_labels = augment(photo, labels)
    torch.testing.assert_close(varied_labels[:, 3:], varied)
    assert not torch.equal(varied, photo)


def test_what_does_not_fit():
    augment = DiffAugment()
    with pytest.raises(OptionError, match="no images"):
        augment()
    with pytest.raises(ShapeError, match="same B, H and W"):
        augment(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
    with pytest.raises(ShapeError, match="unsqueeze"):
        augment(torch.zeros(3, 8, 8))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("translation", {"ratio": 2}, "ratio is 2"),
        ("cutout", {"ratio": -0.1}, "ratio is -0.1"),
        ("color", {"contrast": -1}, "contrast is -1"),
        ("diff_augment", {"policy": []}, r"policy is \[\]"),
        ("diff_augment", {"policy": "color"}, "policy is 'color'"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(OptionError, match=message):
        AUGMENTATIONS.build(name, **arguments)
