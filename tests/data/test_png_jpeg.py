"""What PNGs and JPEGs store is read to the exact value, or refused with the name of the file."""

import sys

import numpy as np
import pytest
from PIL import Image
from stored_files import (
    SHOWN,
    chunk,
    cmyk,
    exif,
    holds,
    icc_of_inks,
    jpeg,
    noise,
    png,
    refused,
    requires,
    same,
    samples_of,
    shown,
    whole,
)

from ganblocks.data.readers import read_stored


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


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("place", ["before", "after"])
def test_png_is_turned_upright(tmp_path, orientation, bits, place):
    samples = samples_of(bits, 4)
    chunks = {place: chunk(b"eXIf", exif(orientation))}
    path = png(tmp_path / "x.png", samples, 6, bits, **chunks)
    upright = shown(samples, orientation)
    holds(path, upright[..., :3], upright[..., 3])


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_turned_upright(tmp_path, orientation, channels):
    codecs = requires("imagecodecs")
    data = codecs.jpeg8_encode(noise(np.uint8, None if channels == 1 else 3, 16, 24), level=90)
    decoded = codecs.jpeg8_decode(data)
    holds(jpeg(tmp_path / "x.jpg", data, orientation), shown(decoded, orientation), lossy=True)


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


def test_cmyk_with_a_profile_has_the_colors_of_the_profile(tmp_path):
    inks = np.zeros((4, 6, 4), np.uint8)
    inks[:, :2, 0] = 255  # cyan: black by the profile
    inks[:, 4:, 3] = 255  # black: white by the profile
    Image.fromarray(inks, "CMYK").save(tmp_path / "x.tif", icc_profile=icc_of_inks())
    expected = np.full((4, 6, 3), 255, np.uint8)
    expected[:, :2] = 0
    holds(tmp_path / "x.tif", expected)
