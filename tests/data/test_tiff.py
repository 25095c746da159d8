"""What TIFFs store is read to the exact value, or refused with the name of the file."""

import logging
import struct
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from stored_files import (
    SHOWN,
    TYPES,
    holds,
    noise,
    packed,
    refused,
    requires,
    samples_of,
    shown,
)

from ganblocks.data.readers import read_stored


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [None, 3, 4, 5])
@pytest.mark.parametrize("dtype", TYPES)
def test_tiff(tmp_path, dtype, channels, order, planar):
    values = noise(dtype, channels)
    data = np.moveaxis(values, -1, 0) if channels and planar == "separate" else values
    options = {"photometric": "minisblack"}
    if channels:
        options = {"photometric": "rgb" if channels == 3 else "minisblack", "planarconfig": planar}
    tifffile.imwrite(tmp_path / "x.tif", data, byteorder=order, metadata=None, **options)
    holds(tmp_path / "x.tif", values)


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [None, 3, 5])
@pytest.mark.parametrize("dtype", TYPES)
def test_compressed_tiff(tmp_path, dtype, channels, order, compression, predictor):
    requires("imagecodecs")
    values = noise(dtype, channels, 20, 19)
    options = {"photometric": "rgb" if channels == 3 else "minisblack"}
    options |= {"planarconfig": "contig", "tile": (16, 16)} if channels else {}
    predictor = predictor and compression != "packbits"
    options |= {"compression": compression, "predictor": predictor, "byteorder": order}
    tifffile.imwrite(tmp_path / "x.tif", values, metadata=None, **options)
    holds(tmp_path / "x.tif", values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("kind", ["rgb", "minisblack"])
def test_what_the_last_sample_of_a_tiff_means(tmp_path, dtype, kind):
    channels = 4 if kind == "rgb" else 2
    values = noise(dtype, channels)
    options = {"photometric": kind, "planarconfig": "contig", "metadata": None}
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values, extrasamples=["unspecified"], **options)
    holds(path, values)
    # Without a word of it, too: its tag gets a number that means nothing.
    entry, other = struct.pack("<HHI", 338, 3, 1), struct.pack("<HHI", 65000, 3, 1)
    data = path.read_bytes()
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, other))
    holds(path, values)
    tifffile.imwrite(path, values, extrasamples=["unassalpha"], **options)
    holds(path, values[..., :-1], values[..., -1])
    tifffile.imwrite(path, values, extrasamples=["assocalpha"], **options)
    refused(path, "premultiplied by alpha")


@pytest.mark.parametrize(
    ("dtype", "values"), [("uint8", [0, 9, 255]), ("uint16", [0, 9, 65535])], ids=str
)
def test_tiff_whose_white_is_0(tmp_path, dtype, values):
    stored = np.array([values], dtype)
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="miniswhite")
    holds(tmp_path / "x.tif", np.iinfo(dtype).max - stored)
    tifffile.imwrite(tmp_path / "x.tif", stored.astype("float32"), photometric="miniswhite")
    refused(tmp_path / "x.tif", "its white is 0, with signs or decimals: invert it")


def test_tiff_with_a_palette(tmp_path):
    indices = noise(np.uint8)
    colors = noise(np.uint8, None, 3, 256)
    tifffile.imwrite(
        tmp_path / "x.tif", indices, photometric="palette", colormap=colors.astype("u2") * 257
    )
    rgba = np.concatenate((colors.T, np.full((256, 1), 255, np.uint8)), 1)
    holds(tmp_path / "x.tif", indices, palette=rgba)
    wide = np.zeros((3, 65536), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", noise("uint16"), photometric="palette", colormap=wide)
    refused(tmp_path / "x.tif", "its colors are PALETTE")


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("int16", None), ("uint16", 5)])
def test_tiff_is_turned_upright(tmp_path, orientation, dtype, channels):
    values = noise(dtype, channels)
    tags = [(274, 3, 1, orientation, True)]
    options = {"planarconfig": "contig"} if channels else {}
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=tags, metadata=None, **options)
    holds(tmp_path / "x.tif", shown(values, orientation))


def test_black_and_white_tiff(tmp_path):
    values = noise(np.uint8) > 127
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack")
    holds(tmp_path / "x.tif", np.where(values, 255, 0).astype(np.uint8))


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int32", "float64", "float16"])
def test_tiff_of_other_types(tmp_path, dtype):
    values = noise(dtype)
    values = np.nan_to_num(values, posinf=1, neginf=1)
    tifffile.imwrite(tmp_path / "x.tif", values)
    holds(tmp_path / "x.tif", values.astype("float32") if values.dtype.kind == "f" else values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_pages_are_refused(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "x.tif", noise(dtype, 9, 3, 6), photometric="minisblack")
    refused(tmp_path / "x.tif", "it has 3 frames or pages: save each")


def test_stacks_behind_one_page_are_refused(tmp_path):
    """Pillow would read their first slice, in silence."""
    path, stack = tmp_path / "x.tif", np.moveaxis(noise("uint16", 3), -1, 0)
    tifffile.imwrite(path, stack, imagej=True, truncate=True)
    refused(path, "it has 3 frames or pages: save each")
    tifffile.imwrite(path, stack[0], imagej=True)
    holds(path, stack[0])
    tifffile.imwrite(path, stack, volumetric=True, tile=(3, 16, 16), photometric="minisblack")
    refused(path, "its axes ZYX")


@pytest.mark.parametrize("first", ["page", "overview"])
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("uint16", None), ("int16", 5)])
def test_overviews_and_masks_are_no_pages(tmp_path, dtype, channels, first):
    path, values = tmp_path / "x.tif", noise(dtype, channels, 16, 32)
    options = {"photometric": "rgb" if channels == 3 else "minisblack", "metadata": None}
    options |= {"planarconfig": "contig"} if channels else {}
    with tifffile.TiffWriter(path) as file:
        if first == "overview":
            file.write(values[::4, ::4], subfiletype=1, **options)
        file.write(values, subifds=1, **options)
        for step in (2, 4):  # one in the page's SubIFDs, one behind it
            file.write(values[::step, ::step], subfiletype=1, **options)
        file.write(np.ones((16, 32), bool), subfiletype=4, photometric=4)
        file.write(np.ones((8, 16), bool), subfiletype=5, photometric=4)
    holds(path, values)
    tifffile.imwrite(path, values, append=True, **options)
    refused(path, "it has 2 frames or pages: save each")


def test_overviews_of_a_lossy_tiff_in_ycbcr(tmp_path):
    requires("imagecodecs")
    path, values = tmp_path / "x.tif", np.full((32, 32, 3), (200, 30, 90), np.uint8)
    options = {"photometric": "rgb", "compression": "jpeg", "tile": (16, 16)}
    with tifffile.TiffWriter(path) as file:
        file.write(values, **options)
        file.write(values[::2, ::2], subfiletype=1, **options)
    stored = read_stored(path)
    assert stored.lossy
    np.testing.assert_allclose(stored.values, values.astype(int), rtol=0, atol=3)


def test_libraries_write_no_lines_of_their_own(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest's own
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0" + bytes(20))
    refused(path, "it has no page of full resolution: replace or remove it")
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(path, values := noise("uint8", 8), **options)
    holds(path, values)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize("bits", [2, 4, 10, 12])
def test_tiff_of_packed_bits(tmp_path, bits, photometric, order):
    """By hand: up to 8 bits are scaled to 8, more are kept."""
    requires("imagecodecs")
    samples = samples_of(bits, 1, 6, 8) if bits <= 8 else samples_of(16, 1, 6, 8) >> (16 - bits)
    data = packed(samples, bits, filtered=False)
    tags = [(256, 8), (257, 6), (258, bits), (259, 1), (262, photometric == "minisblack")]
    tags += [(273, 8), (277, 1), (278, 6), (279, len(data))]
    whole = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(data))
    whole += data + struct.pack(f"{order}H", len(tags))
    for tag, value in tags:
        whole += struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0)
    (tmp_path / "x.tif").write_bytes(whole + bytes(4))
    samples = samples if photometric == "minisblack" else 2**bits - 1 - samples
    holds(tmp_path / "x.tif", samples * np.uint8(255 // (2**bits - 1) if bits <= 8 else 1))


def test_tiff_of_colors_other_than_rgb(tmp_path):
    Image.new("LAB", (4, 4)).save(tmp_path / "x.tif")
    refused(tmp_path / "x.tif", "mode LAB: convert it to RGB")
    tifffile.imwrite(tmp_path / "x.tif", noise("uint16", 4), photometric="separated")
    refused(tmp_path / "x.tif", "its colors are SEPARATED")
    tifffile.imwrite(tmp_path / "x.tif", noise("float32").astype("complex64"))
    refused(tmp_path / "x.tif", "values of type complex64: save real numbers")


def test_lossy_tiff_is_known(tmp_path):
    requires("imagecodecs")
    values = noise(np.uint8, 3, 16, 16)
    tifffile.imwrite(tmp_path / "x.tif", values, compression="jpeg")
    assert read_stored(tmp_path / "x.tif").lossy
    options = {"photometric": "minisblack", "planarconfig": "separate", "compression": "jpeg"}
    tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(values, -1, 0), **options)
    assert read_stored(tmp_path / "x.tif").lossy


@pytest.mark.parametrize("at", [0, 1, 2])
def test_alpha_among_other_samples_of_a_tiff(tmp_path, at):
    values, samples = noise("uint16", 6), ["unspecified"] * 3
    samples[at] = "unassalpha"
    options = {"photometric": "rgb", "planarconfig": "contig", "metadata": None}
    tifffile.imwrite(tmp_path / "x.tif", values, extrasamples=samples, **options)
    holds(tmp_path / "x.tif", np.delete(values, 3 + at, -1), values[..., 3 + at])


@pytest.mark.parametrize(
    ("module", "suffix", "extra"),
    [("tifffile", ".tif", "tiff"), ("nibabel", ".nii", "nifti")],
)
def test_a_missing_library_is_named(tmp_path, monkeypatch, module, suffix, extra):
    path = tmp_path / f"x{suffix}"
    tifffile.imwrite(path, noise("int16"))
    monkeypatch.setitem(sys.modules, module, None)
    refused(path, rf'need {module}: pip install "ganblocks\[{extra}\]"')


def test_missing_codecs_are_named(tmp_path, monkeypatch):
    requires("imagecodecs")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, noise("int16"), compression="lzw")

    def fail(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", fail)
    refused(path, r'requires the .imagecodecs. package\); pip install "ganblocks\[tiff\]"')
