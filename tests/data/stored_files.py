"""Files written by hand or by other libraries, for the tests of readers and writers."""

import struct
import zlib
from importlib import import_module

import numpy as np
import pytest

from ganblocks.data.readers import read_stored
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


def jpeg(path, data, orientation=None):
    """Writes a coded JPEG with an EXIF segment."""
    if orientation is not None:
        segment = b"Exif\0\0" + exif(orientation)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    path.write_bytes(data)
    return path


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


# TIFF

TYPES = ["uint8", "uint16", "float32", "int16"]


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
