"""What a file says is kept or refused by name; what a folder holds is read or listed."""

import numpy as np
import pytest
from PIL import Image

from ganblocks import PairedImageDataset
from ganblocks.data import check_folder
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
    with pytest.raises(DataError, match=r"b/1\.png: it has the id 2, which is of no class"):
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
