"""What is written is read to the same values; what a file cannot hold is refused."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from stored_files import ROUND_TRIPS, noise, refused, same, whole

from ganblocks import PairedImageDataset
from ganblocks.data.readers import READERS, Stored, read_stored, stored_from_picture
from ganblocks.data.writers import to_pil, write_array, write_beside
from ganblocks.errors import DataError, RunError


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


def test_a_webp_that_would_be_too_large_is_a_png(tmp_path):
    values = noise("uint8", 3, 2, 16384)
    assert write_beside(tmp_path / "x", ".webp", values[:, 1:]).suffix == ".webp"
    assert write_beside(tmp_path / "x", ".webp", values).suffix == ".png"
    with pytest.raises(DataError, match=r"\.webp, 16384x2, cannot hold 3 channels of uint8: write"):
        write_array(tmp_path / "x.webp", values)


def test_what_is_no_image_is_refused(tmp_path):
    for shape in ((4,), (2, 2, 2, 2), (0, 4), (4, 4, 0)):
        with pytest.raises(DataError, match="is not an image"):
            write_array(tmp_path / "x.npy", np.zeros(shape))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    write_array(path, noise(np.uint8))
    before = path.read_bytes()

    def fail(file, *_, **__):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(RunError, match="cannot write .*disk full"):
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
    with pytest.raises(DataError, match=f"no mode for {channels} channels of {dtype}: write"):
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
