"""What a file says is kept or refused by name; what a folder holds is read or listed."""

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from ganblocks import PairedImageDataset
from ganblocks.data import check_folder
from ganblocks.data.readers import open_picture
from ganblocks.errors import DataError


def save_pairs(folder, **sides):
    for side, picture in sides.items():
        (folder / side).mkdir(exist_ok=True)
        picture.save(folder / side / "1.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_strokes_on_a_transparent_ground_are_not_read_as_all_black(tmp_path, mode):
    strokes = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    strokes.paste((0, 0, 0, 255), (2, 2, 5, 5))
    save_pairs(tmp_path, a=strokes.convert(mode), b=Image.new("L", (8, 8)))
    with pytest.raises(DataError, match=r"a/1\.png: it has transparent pixels .*background=255"):
        PairedImageDataset(tmp_path)[0]
    on_white = {"type": "image", "background": 255}
    source = PairedImageDataset(tmp_path, a_format=on_white)[0]["source"]
    assert (source[0, 3, 3], source[0, 0, 0]) == (-1, 1)
    kept = {"type": "image", "channels": 4}
    assert PairedImageDataset(tmp_path, a_format=kept)[0]["source"][3, 0, 0] == -1


def test_a_palette_is_not_merged_into_gray(tmp_path):
    labels = Image.new("P", (8, 8))
    labels.putpalette([0, 0, 0, 255, 0, 0, 0, 130, 0])  # red and green of nearly one gray
    labels.putdata([index % 3 for index in range(64)])
    save_pairs(tmp_path, a=labels, b=labels)
    pairs = PairedImageDataset(tmp_path)
    assert pairs.read(0, 0)[0][:, 0, :3].tolist() == [[0, 255, 0], [0, 0, 130], [0, 0, 0]]
    by_class = PairedImageDataset(tmp_path, b_format={"type": "labels", "classes": 3})
    assert by_class[0]["target"].shape == (3, 8, 8)
    with pytest.raises(DataError, match=r"b/1\.png: it has the id 2, which is not a class"):
        PairedImageDataset(tmp_path, b_format={"type": "labels", "classes": 2})[0]


def test_ids_that_are_nearly_black_are_classes_by_a_word(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 3, (8, 8), np.uint8)
    save_pairs(tmp_path, a=Image.new("RGB", (8, 8)), b=Image.fromarray(numbers))
    pairs = PairedImageDataset(tmp_path, b_format={"type": "labels", "classes": "ids"})
    assert pairs.b_format.classes == [0, 1, 2]
    np.testing.assert_array_equal(pairs[0]["target"].argmax(0), numbers)


def test_a_file_of_another_kind_is_refused_and_not_converted(tmp_path):
    for number in range(40):
        save_pairs(tmp_path, a=Image.new("L", (8, 8), 9), b=Image.new("RGB", (8, 8)))
        for side in "ab":
            (tmp_path / side / "1.png").rename(tmp_path / side / f"{number}.png")
    deep = np.full((8, 8), 3000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "a" / "7.png")  # not among the few that are peeked at
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "a" / "9.png")
    lines = check_folder(tmp_path)
    assert [line.partition(": ")[2][:30] for line in lines] == [
        "it holds uint16 values, not ui",
        "it has colors, but the other f",
    ]


def photo(path, orientation, size=(16, 16), kind="JPEG"):
    exif = Image.Exif()
    exif[274] = orientation
    path.parent.mkdir(exist_ok=True)
    drawn = Image.effect_noise(size, 90).convert("RGB")
    drawn.save(path, kind, exif=exif) if orientation != 1 else drawn.save(path, kind)


@pytest.mark.parametrize("orientation", [2, 3, 4, 6])
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
def test_a_turn_that_would_exchange_a_and_b_is_refused(tmp_path, orientation, kind):
    photo(tmp_path / f"1.{kind.lower()}", orientation, (32, 16), kind)
    with pytest.raises(DataError, match=f"orientation {orientation} turns a and b together"):
        PairedImageDataset(tmp_path, side_by_side=True)[0]


@pytest.mark.parametrize("turns", [(3, 1), (6, 1), (1, 8), (6, 8)])
def test_one_side_that_is_turned_alone_is_refused(tmp_path, turns):
    for side, turn in zip("ab", turns, strict=True):
        photo(tmp_path / side / "1.jpg", turn)
    with pytest.raises(DataError, match="EXIF orientation .* the same side may not be up"):
        PairedImageDataset(tmp_path)[0]


@pytest.mark.parametrize(("turns", "sizes"), [((6, 6), "ll"), ((3, 3), "ll"), ((6, 1), "lp")])
def test_sides_that_are_turned_alike_or_by_their_shape_are_read(tmp_path, turns, sizes):
    """A label map of 16x24 for a photo that is stored as 24x16 was drawn on the photo as shown."""
    size = {"l": (24, 16), "p": (16, 24)}
    for side, turn, shape in zip("ab", turns, sizes, strict=True):
        photo(tmp_path / side / "1.jpg", turn, size[shape])
    sample = PairedImageDataset(tmp_path)[0]
    assert sample["source"].shape == sample["target"].shape


def test_a_program_is_never_started_to_decode_a_picture(tmp_path):
    """Pillow runs Ghostscript for an EPS, whatever its suffix."""
    (tmp_path / "1.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 16\n")
    with pytest.raises(UnidentifiedImageError):
        open_picture(tmp_path / "1.jpg")
    with pytest.raises(DataError, match=r"1\.jpg: cannot be read"):
        PairedImageDataset(tmp_path)[0]
