"""What other files store is read to the exact value, or refused with the name of the file."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from stored_files import (
    RANDOM,
    SHOWN,
    bmp,
    holds,
    noise,
    png,
    refused,
    requires,
    same,
    samples_of,
    shown,
)

from ganblocks.data.readers import READERS, read_stored, stored_from_picture, suffix_of
from ganblocks.errors import DataError

# WebP and BMP


@pytest.mark.parametrize("channels", [3, 4])
def test_webp(tmp_path, channels):
    codecs = requires("imagecodecs")
    values = noise(np.uint8, channels)
    values[..., 3:] |= 1  # libwebp forgets what nobody sees
    path = tmp_path / "x.webp"
    path.write_bytes(codecs.webp_encode(values, lossless=True))
    holds(path, values[..., :3], values[..., 3] if channels == 4 else None)
    path.write_bytes(codecs.webp_encode(values[..., :3].copy(), 80, lossless=False))
    assert read_stored(path).lossy
    Image.fromarray(values).save(path, lossless=True, icc_profile=b"odd")
    assert not read_stored(path).lossy


@pytest.mark.parametrize("orientation", SHOWN)
def test_webp_is_turned_upright(tmp_path, orientation):
    values, tags = noise(np.uint8, 3), Image.Exif()
    tags[274] = orientation
    Image.fromarray(values).save(tmp_path / "x.webp", lossless=True, exif=tags)
    holds(tmp_path / "x.webp", shown(values, orientation))


def test_bmp(tmp_path):
    values = noise(np.uint8, 3, 5, 7)
    rows = [row[:, ::-1].tobytes() for row in values]
    holds(bmp(tmp_path / "x.bmp", rows, 24, 7), values)
    colors = noise(np.uint8, 4, 1, 16)[0]
    colors[:, 3] = 0
    indices = RANDOM.integers(0, 16, (5, 8), np.uint8)
    rows = [(row[::2] << 4 | row[1::2]).tobytes() for row in indices]
    path = bmp(tmp_path / "x.bmp", rows, 4, 8, table=colors.tobytes())
    rgba = np.concatenate((colors[:, 2::-1], np.full((16, 1), 255, np.uint8)), 1)
    holds(path, indices, palette=rgba)


def test_bmp_of_16_bits_per_pixel(tmp_path):
    """Its channels have 5, 6 and 5 bits: here a green pixel and a red one."""
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    path = bmp(tmp_path / "x.bmp", [struct.pack("<HH", 0x07E0, 0xF800)], 16, 2, masks=masks)
    holds(path, np.array([[[0, 255, 0], [255, 0, 0]]], np.uint8))


# numpy and NIfTI


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("channels", [None, 1, 5, 12])
@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2", "<i2", "<f4", ">f4", "<i4", "<u4", "<i8"])
def test_numpy(tmp_path, dtype, channels, suffix):
    values = noise(dtype, channels, 14, 13)
    path = tmp_path / f"x{suffix}"
    np.save(path, values) if suffix == ".npy" else np.savez_compressed(path, values)
    holds(path, values)


def test_numpy_of_other_types(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, noise(np.uint8) > 127)
    assert set(np.unique(read_stored(path).values)) == {0, 1}
    for dtype in ("float64", "float16"):
        np.save(path, np.asfortranarray(np.array([[0.1, -2]], dtype)))
        holds(path, np.array([[0.1, -2]], dtype).astype("float32"))


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.array([[None]]), "Python objects, or is broken: save an array of numbers"),
        (np.array([["a"]]), "values of type <U1: save real numbers"),
        (np.zeros((2, 2), "complex64"), "complex64"),
        (np.zeros((2, 2), "datetime64[s]"), "datetime64"),
        (np.zeros((2, 2), [("r", "u1"), ("g", "u1")]), "save real numbers"),
        (np.zeros(4), r"shape \(4,\): save \(H, W\) or \(H, W, C\)"),
        (np.zeros((9, 9, 9, 1)), r"shape \(9, 9, 9, 1\): save"),
        (np.float32(1), r"shape \(\): save"),
        (np.zeros((0, 4)), r"no pixels: its shape is \(0, 4\)"),
        (np.zeros((9, 9, 0)), "no pixels"),
        (np.zeros((5, 20, 30)), r"\(5, 20, 30\) looks like channels first: save np.moveaxis"),
        (np.array([[1, np.nan]]), "1 of its values are NaN or infinite"),
        (np.array([[np.inf, -np.inf]]), "2 of its values are NaN or infinite"),
        (np.array([[1e300, 1.0]]), "1 of its values are NaN or infinite"),
    ],
    ids=str,
)
def test_arrays_are_refused(tmp_path, array, match):
    np.save(tmp_path / "x.npy", array)
    refused(tmp_path / "x.npy", match)


def test_more_channels_than_rows_are_no_channels_first(tmp_path):
    values = noise(np.uint8, 18, 17, 3)
    np.save(tmp_path / "x.npy", values)
    holds(tmp_path / "x.npy", values)


def test_several_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", image=np.zeros((4, 4)), mask=np.zeros((4, 4)))
    refused(tmp_path / "x.npz", "it has the arrays 'image', 'mask': save only one")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_nifti_slice(tmp_path, dtype, order, suffix):
    nibabel = requires("nibabel")
    values = noise(dtype)
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(values.dtype.newbyteorder(order))
    for shape in ((9, 6), (9, 6, 1), (9, 6, 1, 1)):
        image = nibabel.Nifti1Image(values.T.reshape(shape), np.eye(4), header)
        nibabel.save(image, tmp_path / f"x{suffix}")
        holds(tmp_path / f"x{suffix}", values.astype("f4") if dtype == "float64" else values)


def test_nifti_with_a_scale(tmp_path):
    nibabel = requires("nibabel")
    stored = noise("int16")
    image = nibabel.Nifti1Image(stored.T, np.eye(4))
    image.header.set_slope_inter(0.5, -1024)
    nibabel.save(image, tmp_path / "x.nii")
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[352:] = stored.tobytes()  # nibabel would have stored 2 * (value + 1024)
    (tmp_path / "x.nii").write_bytes(data)
    holds(tmp_path / "x.nii", (stored * 0.5 - 1024).astype("float32"))


def test_nifti_volume(tmp_path):
    nibabel = requires("nibabel")
    nibabel.save(nibabel.Nifti1Image(noise("int16", 4), np.eye(4)), tmp_path / "x.nii.gz")
    refused(tmp_path / "x.nii.gz", r"a volume of shape \(6, 9, 4\): save each slice")


# Every suffix


@pytest.mark.parametrize("suffix", READERS)
def test_broken_files_are_named(tmp_path, suffix):
    requires("nibabel")
    path = tmp_path / f"x{suffix}"
    refused(path, "no such file")
    path.mkdir()
    refused(path, "cannot be read")
    path.rmdir()
    for data in (b"", b"neither this nor that", bytes(1000), b"II*\0" + b"\xff" * 40):
        path.write_bytes(data)
        refused(path, "cannot be read|Python objects, or is broken")


def test_truncated_pictures_are_named(tmp_path, make_picture, truncate):
    for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif"):
        path = truncate(make_picture(tmp_path / f"x{suffix}", 64, 64))
        refused(path, "cannot be read")
    png(tmp_path / "x.png", samples_of(16, 3, 64, 64), 2, 16)
    refused(truncate(tmp_path / "x.png"), "cannot be read")


def test_a_picture_by_another_suffix_is_read_and_a_program_is_not(tmp_path):
    png(tmp_path / "x.jpg", samples_of(8, 3), 2, 8)
    assert read_stored(tmp_path / "x.jpg").values.shape == (6, 9, 3)
    (tmp_path / "x.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n")
    refused(tmp_path / "x.jpg", "cannot identify")
    (tmp_path / "x.gif").touch()
    refused(tmp_path / "x.gif", r"does not end in \.png, .*\.nii\.gz: convert it")


def test_animations_are_refused_and_previews_of_a_camera_are_not(tmp_path):
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90, 200)]
    for suffix in (".png", ".webp"):
        frames[0].save(tmp_path / f"x{suffix}", save_all=True, append_images=frames[1:])
        refused(tmp_path / f"x{suffix}", "it has 3 frames or pages")
    frames[1].save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=frames)
    assert read_stored(tmp_path / "x.jpg").values.shape == (8, 8, 3)


def test_a_huge_picture_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    png(tmp_path / "x.png", samples_of(8, 3), 2, 8)
    refused(tmp_path / "x.png", "decompression bomb")
    for channels in (None, 5):
        tifffile.imwrite(tmp_path / "x.tif", noise("int16", channels), planarconfig="contig")
        refused(tmp_path / "x.tif", "decompression bomb|too many")


def test_suffixes():
    assert all(suffix_of(Path(f"x.1{suffix.upper()}")) == suffix for suffix in READERS)


# PIL images in memory


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "F", "CMYK"])
def test_pictures_in_memory(mode):
    colors = Image.fromarray(noise(np.uint8, 4)).convert("RGBA")
    picture = (
        colors.convert("RGB").convert("P").convert("PA")
        if mode == "PA"
        else (
            Image.fromarray(noise("uint16"))
            if mode == "I;16"
            else colors.convert("RGB").convert(mode)
        )
    )
    stored = stored_from_picture(picture)
    if mode in ("P", "PA"):
        shown = stored.values if stored.palette is None else stored.palette[stored.values[..., 0]]
        same(shown[..., :3], np.array(picture.convert("RGB")))
    elif mode == "CMYK":
        assert stored.values.shape == (6, 9, 3)
    elif mode == "1":
        assert set(np.unique(stored.values)) == {0, 255}
    else:
        whole = np.array(picture).reshape(6, 9, -1)
        opaque = stored.alpha is not None
        same(stored.values, whole[..., :-1] if opaque else whole)
        assert opaque == (mode in ("LA", "RGBA"))


def test_pictures_in_memory_that_are_refused(tmp_path):
    for mode in ("HSV", "YCbCr", "LAB", "RGBa", "La", "RGBX"):
        with pytest.raises(DataError, match=f"mode {mode}: convert it to RGB"):
            stored_from_picture(Image.new(mode, (4, 4)))
    with pytest.raises(DataError, match=r"ndarray is not a PIL image: open it with"):
        stored_from_picture(np.zeros((4, 4)))
    with (
        Image.open(png(tmp_path / "x.png", samples_of(16, 3), 2, 16)) as picture,
        pytest.raises(DataError, match="converts its 16 bits to 8: pass the path"),
    ):
        stored_from_picture(picture)
