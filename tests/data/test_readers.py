"""What files store is read to the exact value, or refused by name.

Files are written by hand or by other libraries: tifffile, imagecodecs, nibabel, numpy; by Pillow
only where the file's bytes are not in question.
"""

import struct
import sys
import zlib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st
from PIL import Image

from ganblocks import PairedImageDataset
from ganblocks.data.readers import READERS, Stored, read_stored, stored_from_picture, suffix_of
from ganblocks.data.writers import to_pil, write_array
from ganblocks.errors import DataError

RANDOM = np.random.default_rng(0)


def noise(dtype, channels=None, height=6, width=9):
    shape = (height, width) if channels is None else (height, width, channels)
    if np.dtype(dtype).kind == "f":
        return RANDOM.normal(0, 1000, shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    native = np.dtype(dtype).newbyteorder("=")
    return RANDOM.integers(low, high, shape, native, endpoint=True).astype(dtype)


def requires(module):
    return import_module(module)


def same(array, expected):
    """Same values, and the same type in the machine's own order of bytes."""
    assert array.dtype == expected.dtype.newbyteorder("=")
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, expected, strict=False)
    assert array.shape == expected.shape


def holds(path, values, alpha=None, palette=None, lossy=False):
    stored = read_stored(path)
    same(stored.values, values if values.ndim == 3 else values[..., None])
    for found, wanted in ((stored.alpha, alpha), (stored.palette, palette)):
        assert (found is None) == (wanted is None)
        if wanted is not None:
            same(found, wanted)
    assert stored.lossy is lossy


def refused(path, match):
    with pytest.raises(DataError, match=match) as caught:
        read_stored(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


# PNG, as its specification says.


def chunk(kind, data=b""):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def packed(samples, bits, *, filtered=True):
    """Returns rows of samples (h, w, c); in a PNG, each is behind the number of its filter."""
    height = samples.shape[0]
    if bits == 16:
        data = samples.astype(">u2").tobytes()
        rows = np.frombuffer(data, np.uint8).reshape(height, -1)
    else:
        shifts = np.arange(bits - 1, -1, -1)
        rows = [np.packbits(row.reshape(-1, 1) >> shifts & 1) for row in samples]
    return b"".join(b"\0" * filtered + row.tobytes() for row in rows)


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
ADAM7 += [(1, 0, 2, 1)]


def png(path, samples, color, bits, *, before=b"", after=b"", interlaced=False):
    height, width = samples.shape[:2]
    parts = [samples]
    if interlaced:
        parts = [samples[top::down, left::right] for top, left, down, right in ADAM7]
    data = zlib.compress(b"".join(packed(part, bits) for part in parts if part.size))
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + after + chunk(b"IEND")
    )  # fmt: skip
    return path


def samples_of(bits, channels, height=6, width=9):
    dtype = np.uint16 if bits == 16 else np.uint8
    return RANDOM.integers(0, 2**bits, (height, width, channels), dtype)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png(tmp_path, color, channels, bits, interlaced):
    samples = samples_of(bits, channels)
    path = png(tmp_path / "x.png", samples, color, bits, interlaced=interlaced)
    if channels in (2, 4):
        holds(path, samples[..., :-1], samples[..., -1])
    else:
        holds(path, samples)


@pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities of TorchVision")
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_16_bits_without_imagecodecs(
    tmp_path, monkeypatch, color, channels, clear, interlaced
):
    samples, before = samples_of(16, channels), b""
    if clear and channels in (1, 3):
        before = chunk(b"tRNS", samples[1, 2].astype(">u2").tobytes())
    path = png(tmp_path / "x.png", samples, color, 16, before=before, interlaced=interlaced)
    with_imagecodecs = whole(read_stored(path))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    same(whole(read_stored(path)), with_imagecodecs)
    same(read_stored(path).values, samples[..., :-1] if channels in (2, 4) else samples)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_grays_is_scaled_to_8_bits(tmp_path, bits, interlaced):
    samples = samples_of(bits, 1)
    path = png(tmp_path / "x.png", samples, 0, bits, interlaced=interlaced)
    holds(path, samples * np.uint8(255 // (2**bits - 1)))


@pytest.mark.parametrize("clear", [0, 1, 300])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_png_with_a_palette(tmp_path, bits, clear):
    count = 2**bits
    indices, colors = samples_of(bits, 1), noise(np.uint8, 3, 1, count)[0]
    indices.flat[0] = count - 1
    alpha = noise(np.uint8, None, 1, count)[0][:clear]
    before = chunk(b"PLTE", colors.tobytes()) + (chunk(b"tRNS", alpha.tobytes()) if clear else b"")
    path = png(tmp_path / "x.png", indices, 3, bits, before=before)
    whole = np.concatenate((alpha, np.full(count - len(alpha), 255, np.uint8)))
    holds(path, indices, palette=np.concatenate((colors, whole[:, None]), 1))


def test_png_whose_palette_has_one_clear_color(tmp_path):
    """Pillow keeps this as a number, not as bytes."""
    indices, colors = samples_of(2, 1), noise(np.uint8, 3, 1, 4)[0]
    before = chunk(b"PLTE", colors.tobytes()) + chunk(b"tRNS", b"\xff\xff\x00")
    indices.flat[0] = 3
    path = png(tmp_path / "x.png", indices, 3, 2, before=before)
    assert read_stored(path).palette[:, 3].tolist() == [255, 255, 0, 255]


def test_png_with_an_index_beyond_its_palette(tmp_path):
    for index in (3, 5):
        samples, colors = np.full((2, 3, 1), index, np.uint8), chunk(b"PLTE", bytes(9))
        png(tmp_path / "x.png", samples, 3, 8, before=colors)
        refused(tmp_path / "x.png", f"its index {index} is beyond its palette of 3 colors")


@pytest.mark.parametrize(
    ("bits", "channels"), [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]
)
def test_png_with_a_clear_color(tmp_path, bits, channels):
    samples = samples_of(bits, channels)
    clear = samples[2, 3]
    before = chunk(b"tRNS", clear.astype(">u2").tobytes())
    path = png(tmp_path / "x.png", samples, 0 if channels == 1 else 2, bits, before=before)
    full = 65535 if bits == 16 else 255
    alpha = np.where((samples == clear).all(-1), 0, full).astype(samples.dtype)
    holds(path, samples * np.uint8(max(1, 255 // (2**bits - 1))), alpha)
    assert not alpha.all()


# The eight orientations of EXIF: which stored pixel is shown at (row, column), from its text:
# "the 0th row is the visual ... side, the 0th column is the visual ... side".
SHOWN = {
    1: lambda r, c, h, w: (r, c),
    2: lambda r, c, h, w: (r, w - 1 - c),
    3: lambda r, c, h, w: (h - 1 - r, w - 1 - c),
    4: lambda r, c, h, w: (h - 1 - r, c),
    5: lambda r, c, h, w: (c, r),
    6: lambda r, c, h, w: (h - 1 - c, r),
    7: lambda r, c, h, w: (h - 1 - c, w - 1 - r),
    8: lambda r, c, h, w: (c, w - 1 - r),
}


def shown(stored, orientation):
    height, width = stored.shape[:2]
    rows, columns = (width, height) if orientation > 4 else (height, width)
    place = SHOWN[orientation]
    return np.array(
        [[stored[place(r, c, height, width)] for c in range(columns)] for r in range(rows)]
    )


def exif(orientation):
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 274, 3, 1, orientation, 0) + bytes(4)


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("place", ["before", "after"])
def test_png_is_turned_upright(tmp_path, orientation, bits, place):
    samples = samples_of(bits, 4)
    chunks = {place: chunk(b"eXIf", exif(orientation))}
    path = png(tmp_path / "x.png", samples, 6, bits, **chunks)
    upright = shown(samples, orientation)
    holds(path, upright[..., :3], upright[..., 3])


def jpeg(path, data, orientation=None):
    """Writes a coded JPEG with an EXIF segment."""
    if orientation is not None:
        segment = b"Exif\0\0" + exif(orientation)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_turned_upright(tmp_path, orientation, channels):
    codecs = requires("imagecodecs")
    data = codecs.jpeg8_encode(noise(np.uint8, None if channels == 1 else 3, 16, 24), level=90)
    decoded = codecs.jpeg8_decode(data)
    holds(jpeg(tmp_path / "x.jpg", data, orientation), shown(decoded, orientation), lossy=True)


def cmyk(tmp_path, adobe=True):
    """Writes flat inks as Adobe's programs do, inverted; returns the path and the inks."""
    codecs = requires("imagecodecs")
    inks = noise(np.uint8, 4, 4, 6).repeat(8, 0).repeat(8, 1)
    data = codecs.jpeg8_encode(255 - inks, 100, colorspace="cmyk", outcolorspace="cmyk")
    at = data.find(b"\xff\xee")
    assert at > 0
    assert data[at + 4 : at + 9] == b"Adobe"
    if not adobe:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    decoded = 255 - codecs.jpeg8_decode(data, colorspace="cmyk", outcolorspace="cmyk")
    return jpeg(tmp_path / "x.jpg", data), decoded


def test_cmyk_jpeg(tmp_path):
    """Light is what the ink and the black let through."""
    path, inks = cmyk(tmp_path)
    stored = read_stored(path)
    assert stored.lossy
    light = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    assert np.abs(stored.values - light).max() <= 0.51
    assert stored.values.std() > 20


def test_cmyk_jpeg_of_unknown_polarity(tmp_path):
    refused(cmyk(tmp_path, adobe=False)[0], "CMYK inks, but no Adobe marker: convert it to RGB")


def icc_of_inks():
    """Returns an ICC profile in which cyan ink alone looks as if it were black, in Lab."""
    grid = np.zeros((2, 2, 2, 2, 3), np.uint8)
    grid[0] = (255, 128, 128)  # no cyan: white, whatever other ink there is
    grid[1] = (0, 128, 128)
    identity = np.tile(np.arange(256, dtype=np.uint8), 4).tobytes()
    matrix = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    out = np.tile(np.arange(256, dtype=np.uint8), 3).tobytes()
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity + grid.tobytes() + out
    lut += bytes(-len(lut) % 4)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc" + bytes(4) + struct.pack(">I", 1) + bytes(1 + 4 + 4 + 2 + 1 + 67)
    text += bytes(-len(text) % 4)
    tags, body = b"", b""
    for name, data in ((b"A2B0", lut), (b"wtpt", white), (b"desc", text)):
        tags += name + struct.pack(">II", 128 + 4 + 36 + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    head = head.ljust(128, b"\0")
    whole = head + struct.pack(">I", 3) + tags + body
    return struct.pack(">I", len(whole)) + whole[4:]


def test_cmyk_with_a_profile_has_the_colors_of_the_profile(tmp_path):
    inks = np.zeros((4, 6, 4), np.uint8)
    inks[:, :2, 0] = 255  # cyan: black by the profile
    inks[:, 4:, 3] = 255  # black: white by the profile
    Image.fromarray(inks, "CMYK").save(tmp_path / "x.tif", icc_profile=icc_of_inks())
    expected = np.full((4, 6, 3), 255, np.uint8)
    expected[:, :2] = 0
    holds(tmp_path / "x.tif", expected)


# TIFF

TYPES = ["uint8", "uint16", "float32", "int16"]


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


def bmp(path, rows, bits, width, table=b"", masks=b""):
    """Writes rows of bytes, from top to bottom."""
    compression = 3 if masks else 0
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, -len(rows), 1, bits, compression, 0, 0, 0, len(table) // 4, 0
    )
    data = b"".join(row + bytes(-len(row) % 4) for row in rows)
    start = 14 + len(header + masks + table)
    head = struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start)
    path.write_bytes(head + header + masks + table + data)
    return path


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
    refused(tmp_path / "x.npz", "it holds the arrays 'image', 'mask': save one alone")


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


# Pillow pictures in memory


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
    with pytest.raises(DataError, match=r"ndarray is not a Pillow picture: open it with"):
        stored_from_picture(np.zeros((4, 4)))
    with (
        Image.open(png(tmp_path / "x.png", samples_of(16, 3), 2, 16)) as picture,
        pytest.raises(DataError, match="8 bits of its 16: pass the path"),
    ):
        stored_from_picture(picture)


# Writing

ROUND_TRIPS = [
    *((suffix, "uint8", c) for suffix in (".png",) for c in (1, 2, 3, 4)),
    (".png", "uint16", 1),
    *((".webp", "uint8", c) for c in (3, 4)),
    *((".bmp", "uint8", c) for c in (1, 3)),
    *((s, dtype, c) for s in (".tif", ".tiff") for dtype in TYPES for c in (1, 2, 3, 4, 5)),
    *((".npy", dtype, c) for dtype in (*TYPES, "int64", "uint32") for c in (1, 2, 3, 5)),
]


def whole(stored):
    alpha = [] if stored.alpha is None else [stored.alpha[..., None]]
    return np.concatenate((stored.values, *alpha), -1)


@pytest.mark.parametrize(("suffix", "dtype", "channels"), ROUND_TRIPS)
def test_what_is_written_is_read(tmp_path, suffix, dtype, channels):
    values = noise(dtype, channels)
    path = tmp_path / f"x{suffix}"
    write_array(path, values)
    same(whole(read_stored(path)), values)
    write_array(path, values[..., 0])
    if suffix != ".webp":  # which has no gray
        same(read_stored(path).values, values[..., :1])
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ROUND_TRIPS),
    st.integers(1, 17),
    st.integers(1, 17),
)
def test_any_size_is_written_and_read(tmp_path_factory, kind, height, width):
    suffix, dtype, channels = kind
    values = noise(dtype, channels, height, width)
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    write_array(path, values)
    if suffix == ".npy" and height < channels:
        refused(path, "channels first")
    else:
        same(whole(read_stored(path)), values)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_written_jpeg_is_near(tmp_path, suffix, channels):
    values = np.full((16, 16, channels), 90, np.uint8)
    write_array(tmp_path / f"x{suffix}", values)
    stored = read_stored(tmp_path / f"x{suffix}")
    assert stored.lossy
    assert np.abs(stored.values.astype(int) - values).max() <= 2


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        (".png", "uint16", 3),
        (".png", "uint8", 5),
        (".png", "float32", 1),
        (".jpg", "uint8", 4),
        (".jpg", "uint16", 1),
        (".webp", "uint8", 2),
        (".bmp", "uint8", 4),
        (".tif", "float64", 1),
        (".tif", "int64", 1),
        (".nii", "int16", 1),
        (".npz", "uint8", 1),
        (".gif", "uint8", 3),
        ("", "uint8", 3),
    ],
)
def test_what_a_suffix_cannot_hold_is_refused(tmp_path, suffix, dtype, channels):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(DataError, match=rf"cannot hold {channels} channels of {dtype}: write .tif"):
        write_array(path, noise(dtype, channels))
    assert not any(tmp_path.iterdir())


def test_what_is_no_image_is_refused(tmp_path):
    for shape in ((4,), (2, 2, 2, 2), (0, 4), (4, 4, 0)):
        with pytest.raises(DataError, match="is no image"):
            write_array(tmp_path / "x.npy", np.zeros(shape))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    write_array(path, noise(np.uint8))
    before = path.read_bytes()

    def fail(file, *_, **__):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        write_array(path, noise(np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("dtype", "channels", "mode"),
    [("uint8", 1, "L"), ("uint8", 3, "RGB"), ("uint8", 4, "RGBA"), ("uint16", 1, "I;16")],
)
def test_to_pil(dtype, channels, mode):
    values = noise(dtype, channels)
    picture = to_pil(values)
    assert picture.mode == mode
    same(whole(stored_from_picture(picture)), values)
    assert to_pil(values[..., 0]).size == (9, 6)


@pytest.mark.parametrize(("dtype", "channels"), [("int16", 1), ("uint16", 3), ("uint8", 5)])
def test_pictures_that_pillow_does_not_have(dtype, channels):
    with pytest.raises(DataError, match=f"no pictures of {channels} channels of {dtype}: write"):
        to_pil(noise(dtype, channels))


def test_a_reader_of_ones_own_is_used_everywhere(tmp_path, monkeypatch):
    monkeypatch.setitem(
        READERS,
        ".raw",
        lambda path: Stored(np.frombuffer(path.read_bytes(), np.uint8).reshape(2, 3, 1)),
    )
    for side in "ab":
        (tmp_path / side).mkdir()
        (tmp_path / side / "1.raw").write_bytes(bytes(range(6)))
    pairs = PairedImageDataset(tmp_path)
    assert pairs.read(0, 0)[0].flatten().tolist() == [0, 1, 2, 3, 4, 5]
