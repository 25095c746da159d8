"""What a file says is kept or refused by name; what a folder holds is read or listed."""

import struct
import unicodedata
import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from ganblocks import PairedImageDataset
from ganblocks.data import check_folder
from ganblocks.data.reading import read_picture
from ganblocks.errors import DataError

RANDOM = np.random.default_rng(0)


def write_png(path, pixels, color):
    """Writes a PNG chunk by chunk, as its specification says, without a library."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, color, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header)
    chunks += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def noise(channels, dtype):
    return RANDOM.integers(0, np.iinfo(dtype).max, (6, 8, channels), dtype, endpoint=True)


@pytest.mark.parametrize(("color", "stored"), [(0, 1), (2, 3), (6, 4)])
def test_a_png_of_8_bits_is_read_exactly(tmp_path, color, stored):
    pixels = noise(stored, np.uint8)
    write_png(tmp_path / "x.png", pixels, color)
    assert read_picture(tmp_path / "x.png", stored).equal(torch.from_numpy(pixels).movedim(-1, 0))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("color", "stored"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_a_png_of_16_bits_is_refused(tmp_path, color, stored, channels):
    write_png(tmp_path / "x.png", noise(stored, np.uint16), color)
    with pytest.raises(DataError, match=r"x\.png.*more than 8 bits per channel: convert"):
        read_picture(tmp_path / "x.png", channels)


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_a_tiff_of_16_bits_is_refused(tmp_path, photometric):
    pixels = noise(3 if photometric == "rgb" else 1, np.uint16).squeeze()
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric=photometric)
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        read_picture(tmp_path / "x.tif")


def test_a_bmp_of_16_bits_per_pixel_is_read(tmp_path):
    """Its channels have 5, 6 and 5 bits: here a green pixel and a red one."""
    header = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0)
    data = struct.pack("<IIIHH", 0xF800, 0x07E0, 0x001F, 0x07E0, 0xF800)
    start = struct.pack("<2sIHHI", b"BM", 14 + len(header + data), 0, 0, 14 + 40 + 12)
    (tmp_path / "x.bmp").write_bytes(start + header + data)
    pixels = read_picture(tmp_path / "x.bmp")
    assert pixels[:, 0].t().tolist() == [[0, 255, 0], [255, 0, 0]]


def test_pages_are_refused_and_one_page_is_read_exactly(tmp_path):
    pixels = noise(3, np.uint8)
    tifffile.imwrite(tmp_path / "one.tif", pixels, photometric="rgb")
    assert read_picture(tmp_path / "one.tif").equal(torch.from_numpy(pixels).movedim(-1, 0))
    tifffile.imwrite(tmp_path / "two.tif", np.stack([pixels] * 2), photometric="rgb")
    with pytest.raises(DataError, match="it has 2 frames or pages: save each"):
        read_picture(tmp_path / "two.tif")


@pytest.mark.parametrize(
    ("mode", "suffix"), [("RGBA", "png"), ("LA", "png"), ("P", "png"), ("LA", "tif")]
)
def test_transparency_is_kept_or_refused(tmp_path, mode, suffix):
    """Black strokes on a transparent ground would be read as all black."""
    strokes = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    strokes.paste((0, 0, 0, 255), (2, 2, 5, 5))
    path = tmp_path / f"x.{suffix}"
    strokes.convert(mode).save(path)
    for channels in (1, 3):
        with pytest.raises(DataError, match=r"transparent pixels \(alpha from 0\).*channels=4"):
            read_picture(path, channels)
    alpha = read_picture(path, 4)[3]
    assert alpha[3, 3] == 255
    assert alpha[0, 0] == 0


def test_opaque_alpha_is_no_obstacle(tmp_path):
    pixels = noise(4, np.uint8)
    pixels[..., 3] = 255
    write_png(tmp_path / "x.png", pixels, 6)
    assert read_picture(tmp_path / "x.png").equal(torch.from_numpy(pixels[..., :3]).movedim(-1, 0))


def test_a_palette_is_not_merged(tmp_path):
    labels = Image.new("P", (8, 8))
    labels.putpalette([0, 0, 0, 255, 0, 0, 0, 130, 0])  # red and green of nearly one gray
    labels.putdata([index % 3 for index in range(64)])
    labels.save(tmp_path / "x.png")
    with pytest.raises(DataError, match="its palette has 3 colors, which channels=1 would merge"):
        read_picture(tmp_path / "x.png", 1)
    assert read_picture(tmp_path / "x.png", 3)[:, 0, :3].tolist() == [
        [0, 255, 0],
        [0, 0, 130],
        [0] * 3,
    ]
    gray = Image.new("P", (8, 8), 1)
    gray.putpalette([0, 0, 0, 70, 70, 70])
    gray.save(tmp_path / "gray.png")
    assert read_picture(tmp_path / "gray.png", 1).unique().tolist() == [70]


def test_every_file_that_looks_like_data_is_listed(tmp_path, make_picture):
    make_picture(tmp_path / "1.png")
    make_picture(tmp_path / "more" / "2.png")
    for name in ("3.gif", "4.npy", "5.PNG2", "readme.md", "Thumbs.db", ".hidden.gif"):
        (tmp_path / name).touch()
    (tmp_path / "6.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "notes").mkdir()
    left = [line.removeprefix(f"{tmp_path}/") for line in check_folder(tmp_path)]
    assert [line.partition(":")[0] for line in left] == [
        "3.gif",
        "4.npy",
        "5.PNG2",
        "6.png",
        "more",
    ]
    assert "does not end in .png, .jpg" in left[0]
    assert "link to a file that does not exist" in left[3]
    assert "folder with pictures, which are not read" in left[4]
    with pytest.raises(DataError, match="5 files are not part of a pair"):
        PairedImageDataset(tmp_path)


def test_names_in_another_form_of_unicode_match(tmp_path, make_picture):
    for side, form in (("a", "NFC"), ("b", "NFD")):
        make_picture(tmp_path / side / f"{unicodedata.normalize(form, 'fenêtre')}.png")
    (pair,) = PairedImageDataset(tmp_path).pairs
    assert pair.name == unicodedata.normalize("NFC", "fenêtre")
