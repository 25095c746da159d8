"""Formats: stored values to pixels to inputs of networks, and back."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torchvision.tv_tensors import Mask

from ganblocks.data import FORMATS, ImageFormat, LabelFormat
from ganblocks.data.color_counts import has_few_colors
from ganblocks.data.formats import as_colors, merged
from ganblocks.data.readers import Stored
from ganblocks.data.resizing import Fit
from ganblocks.errors import DataError, OptionError
from ganblocks.spec import spec_of

RNG = np.random.default_rng(0)


def noise(dtype, channels=1, size=(7, 9)):
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, (*size, channels), dtype, endpoint=True)


def through(form, values):
    return form.restore(form.encode(form.decode(Stored(values))))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_whole_numbers_come_back_as_they_were(dtype, channels):
    values = noise(dtype, channels)
    form = ImageFormat().resolved([Stored(values)])
    assert (form.channels, form.dtype) == (channels, dtype)
    assert through(form, values).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(through(form, values), values)


def test_every_value_of_16_bits_comes_back():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    np.testing.assert_array_equal(through(ImageFormat(dtype="uint16"), values), values)


@given(
    low=st.floats(-1e4, 1e4),
    width=st.floats(1e-2, 1e4),
    shares=st.lists(st.floats(-1, 2), min_size=1),
)
def test_a_window_is_linear_inside_and_clips_outside(low, width, shares):
    values = np.float64(low) + np.float64(width) * np.array(shares)
    form = ImageFormat(value_range=(low, low + width), dtype="float64")
    image = form.encode(form.decode(Stored(values.reshape(1, -1, 1))))
    expected = np.clip(2 * (values - low) / (low + width - low) - 1, -1, 1)
    np.testing.assert_allclose(image.numpy().ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_outputs_beyond_what_a_file_can_store_are_clipped(dtype):
    form, limits = ImageFormat(value_range=(-1e5, 1e5), dtype=dtype), np.iinfo(dtype)
    restored = form.restore(torch.tensor([-1.0, 1.0]).view(1, 1, 2))
    assert restored.ravel().tolist() == [limits.min, limits.max]


def test_floats_behind_which_a_background_shows_are_not_rounded():
    half = Stored(np.full((1, 1, 3), 0.3, np.float32), np.full((1, 1), 0.5, np.float32))
    pixels = ImageFormat(value_range=(0, 1), background=0.1).decode(half)
    np.testing.assert_allclose(pixels.ravel(), [0.2] * 3, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "bounds"), [("uint8", (0, 20)), ("uint16", None)])
def test_label_maps_of_any_range_are_not_mixed(dtype, bounds):
    ids = np.array([[[0], [20]]], dtype)
    pixels = ImageFormat(value_range=bounds, labels=True).decode(Stored(ids))
    assert len(Fit((2, 7), "stretch").apply(pixels).unique()) == 2


def test_values_without_a_range_are_refused():
    with pytest.raises(DataError, match=r"float32 values, .* write value_range=\(low, high\)"):
        ImageFormat().resolved([Stored(np.zeros((2, 2, 1), np.float32))])
    with pytest.raises(DataError, match="have the dtypes 'uint16', 'uint8': convert"):
        ImageFormat().resolved([Stored(noise("uint8")), Stored(noise("uint16"))])
    with pytest.raises(DataError, match="it holds uint16 values, not uint8"):
        ImageFormat(dtype="uint8").decode(Stored(noise("uint16")))
    with pytest.raises(OptionError, match="low < high"):
        ImageFormat(value_range=(3, 3))


def test_gray_files_are_repeated_beside_colors_and_colors_refused_beside_gray_files():
    gray, colors = Stored(noise("uint8")), Stored(noise("uint8", 3))
    both = ImageFormat().resolved([gray, colors])
    assert both.channels == 3
    np.testing.assert_array_equal(both.decode(gray), gray.values.repeat(3, -1).transpose(2, 0, 1))
    with pytest.raises(DataError, match="it has colors, but the other files are gray"):
        ImageFormat().resolved([gray]).decode(colors)
    red, green, blue = colors.values.astype(float).transpose(2, 0, 1)
    found = ImageFormat(1).resolved([gray]).decode(colors)[0].numpy()
    np.testing.assert_array_equal(found, np.round(0.299 * red + 0.587 * green + 0.114 * blue))
    with pytest.raises(DataError, match="it has 5 channels, not 3"):
        both.decode(Stored(noise("uint8", 5)))


@pytest.mark.parametrize("count", [1, 3])
def test_transparency_is_composited_kept_or_refused(count):
    values, alpha = noise("uint8", count), noise("uint8")[..., 0]
    stored = Stored(values, alpha)
    with pytest.raises(DataError, match=rf"transparent pixels .* channels={count + 1}"):
        ImageFormat().resolved([stored]).decode(stored)
    kept = ImageFormat(count + 1).decode(stored).numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(kept, np.concatenate((values, alpha[..., None]), -1))
    share = alpha[..., None] / 255
    expected = np.round(values * share + 200 * (1 - share)).transpose(2, 0, 1)
    np.testing.assert_array_equal(ImageFormat(background=200).decode(stored), expected)
    opaque = Stored(values, np.full_like(alpha, 255))
    np.testing.assert_array_equal(ImageFormat().decode(opaque), values.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "uint 8"}, "unknown dtype 'uint 8': did you mean 'uint8'"),
        ({"dtype": "object"}, "unknown dtype 'object'"),
        ({"value_range": (0, np.inf)}, "value_range is .0, inf.: write"),
        ({"background": np.nan}, "background is nan: write one value, or one .* finite numbers"),
        ({"background": []}, "background is ..: write"),
        ({"background": 256, "dtype": "uint8"}, "256: write .* numbers that uint8 can store"),
        ({"background": (0, 0, -1), "dtype": "uint16"}, "numbers that uint16 can store"),
    ],
)
def test_wrong_options_are_refused_when_a_format_is_built(options, message):
    with pytest.raises(OptionError, match=message):
        ImageFormat(**options)


def test_a_background_that_the_files_cannot_have_is_refused():
    gray, alpha = noise("uint8"), np.zeros((7, 9), np.uint8)
    files = [Stored(gray, alpha), Stored(noise("uint8", 3), alpha)]
    with pytest.raises(OptionError, match="300: write .* that uint8 can store"):
        ImageFormat(background=300).resolved(files)
    with pytest.raises(DataError, match=r"1 color channels, but background is \(1, 2, 3\)"):
        ImageFormat(background=(1, 2, 3)).decode(files[0])
    both = ImageFormat(background=(1, 2, 3)).resolved(files)  # gray files become colors first
    for file in files:
        assert both.decode(file).unique_consecutive(dim=2)[..., 0].tolist() == [
            [value] * 7 for value in (1, 2, 3)
        ]


def test_palettes_are_colors_for_images_and_ids_for_labels():
    palette = np.array([[9, 9, 9, 255], [200, 0, 10, 255], [0, 80, 0, 255]], np.uint8)
    stored = Stored(RNG.integers(0, 3, (5, 6, 1), np.uint8), palette=palette)
    expected = palette[stored.values[..., 0], :3].transpose(2, 0, 1)
    np.testing.assert_array_equal(ImageFormat().decode(stored), expected)
    np.testing.assert_array_equal(LabelFormat(3).decode(stored)[0], stored.values[..., 0])
    by_color = LabelFormat({"b": [0, 80, 0], "a": [200, 0, 10], "none": [9, 9, 9]})
    np.testing.assert_array_equal(by_color.decode(stored)[0], 2 - stored.values[..., 0])


@pytest.mark.parametrize(
    "classes", [4, [0, 7, 255, 1000], [[0, 0, 9], [0, 9, 0], [9, 0, 0], [9, 9, 9]]]
)
def test_classes_are_one_hot_and_come_back(classes):
    form = LabelFormat(classes)
    codes = np.arange(4) if classes == 4 else np.array(classes)
    numbers = RNG.integers(0, 4, (6, 5))
    values = codes.reshape(4, -1)[numbers].astype(np.uint16)
    pixels = form.decode(Stored(values))
    assert isinstance(pixels, Mask)
    assert pixels.dtype == torch.uint8
    image = form.encode(pixels)
    expected = torch.nn.functional.one_hot(torch.from_numpy(numbers), 4).permute(2, 0, 1) * 2.0 - 1
    torch.testing.assert_close(image, expected, rtol=0, atol=0)
    torch.testing.assert_close(form.encode(torch.stack([pixels, pixels]))[1], expected)
    np.testing.assert_array_equal(form.restore(image), values)
    assert form.colors(image).shape == (3, 6, 5)


def test_unknown_classes_are_refused_and_lossy_colors_take_the_nearest():
    with pytest.raises(DataError, match="it has the id 4, which is not a class"):
        LabelFormat(4).decode(Stored(np.array([[[3], [4]]], np.uint8)))
    form = LabelFormat([[0, 0, 0], [250, 0, 0]])
    blurred = np.array([[[240, 3, 5], [20, 0, 9]]], np.uint8)
    with pytest.raises(DataError, match=r"it has the color \[20, 0, 9\]|\[240, 3, 5\]"):
        form.decode(Stored(blurred))
    assert form.decode(Stored(blurred, lossy=True)).tolist() == [[[1, 0]]]
    for wrong in (1, 257, "colors", [3, 3], [[1, 2]], [0.5, 1.5], None):
        with pytest.raises(OptionError):
            LabelFormat(wrong)


def test_a_label_map_in_the_other_form_is_told_how_to_write_its_classes():
    colors = Stored(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    with pytest.raises(DataError, match="ids need 1; write the classes as a list of RGB colors"):
        LabelFormat(4).decode(colors)
    pairs = Stored(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(DataError, match="colors need 3; write the classes as ids"):
        LabelFormat([[0, 0, 0], [9, 9, 9]]).decode(pairs)


def test_open_ids_are_those_of_all_files():
    files = [Stored(np.full((2, 2, 1), k, np.uint8)) for k in (9, 0, 3)]
    assert LabelFormat("ids").resolved(files) == LabelFormat([0, 3, 9])
    with pytest.raises(DataError, match="have only the id 9, but classes are 2 to 256: write all"):
        LabelFormat("ids").resolved(files[:1])
    with pytest.raises(DataError, match="have 257 ids, but"):
        LabelFormat("ids").resolved([Stored(np.arange(257, dtype=np.uint16).reshape(1, -1, 1))])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (1, "the number of classes is 1: write 2 to 256, as a count"),
        ([*range(257)], "number of classes is 257:"),
        ([3, 5, 3], r"classes is \[3, 5, 3\]: write each id or color only once"),
        ({"a": [0, 0, 0], "b": [0, 0, 0]}, "only once"),
    ],
)
def test_too_few_too_many_and_equal_classes_are_told_apart(classes, message):
    with pytest.raises(OptionError, match=message):
        LabelFormat(classes)


def test_formats_have_specs():
    for form in (
        ImageFormat(value_range=(-1, 2), dtype="float32"),
        LabelFormat([[1, 2, 3], [4, 5, 6]]),
    ):
        assert FORMATS.build(spec_of(form)) == form


def test_several_files_are_channels_of_one_image():
    parts = [noise("uint16"), noise("uint16", 3)]
    whole = merged([Stored(part) for part in parts])
    np.testing.assert_array_equal(whole.values, np.concatenate(parts, -1))
    with pytest.raises(DataError, match="types"):
        merged([Stored(noise("uint8")), Stored(noise("uint16"))])
    with pytest.raises(DataError, match="sizes '4x2', '9x7'"):
        merged([Stored(noise("uint8")), Stored(noise("uint8", size=(2, 4)))])


def test_few_colors_are_not_a_photo_on_white():
    labels = (
        torch.from_numpy(np.kron(RNG.integers(0, 5, (3, 8, 8)), np.ones((1, 8, 8)))).byte() * 50
    )
    photo = torch.full((3, 64, 64), 255, dtype=torch.uint8)
    photo[:, 20:40, 20:40] = torch.randint(0, 255, (3, 20, 20), dtype=torch.uint8)
    flat = torch.full((3, 64, 64), 255, dtype=torch.uint8)
    flat[:, 20:40, 20:40] = 7
    assert [has_few_colors([x]) for x in (labels[:1], flat, photo, photo[:1])] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [([0, 255], "uint8"), ([0, 256], "uint16"), ([-1, 0], "int16"), ([-1, 65535], "int64")],
)
def test_ids_of_any_sign_and_size_come_back(ids, dtype):
    values = np.array(ids).reshape(1, 2, 1)
    restored = through(LabelFormat(ids), values)
    assert restored.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(restored, values)


def test_pictures_of_classes_have_their_colors():
    form = LabelFormat([[255, 0, 0], [0, 0, 255]])
    image = form.encode(torch.tensor([[[0, 1]]], dtype=torch.uint8))
    assert as_colors(image, [ImageFormat(3), form])[:, 0].tolist() == [[1, -1], [-1, -1], [-1, 1]]
    assert as_colors(image[:1], [form]).shape[0] == 3
