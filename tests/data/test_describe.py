"""The line that describes source, target, colors of label maps, and held-out pairs."""

import re

import pytest
import torch
from PIL import Image

from ganblocks import PairedImageDataset, SyntheticFacades
from ganblocks.__main__ import main
from ganblocks.data import (
    ImageFormat,
    PairTransform,
    describe_pairs,
    held_out_split,
    require_readable,
    split_names,
)
from ganblocks.data.color_counts import MOST_COLORS, label_colors
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.data.picture_map import PictureMap
from ganblocks.errors import DataError, ShapeError
from ganblocks.pictures import to_picture


def test_drawn_facades():
    train, val = SyntheticFacades(400, 128), SyntheticFacades(40, 128, split="val")
    line = "b (labels, 12 colors) → a (photo), 400 train, 40 val"
    assert describe_pairs(train, val) == line
    back = SyntheticFacades(400, 128, direction="a2b")
    line = "a (photo) → b (labels, 12 colors), 400 train, 40 val"
    assert describe_pairs(back, val) == line


def save_facades(folder, count, suffix, quality=90):
    folder.mkdir(parents=True)
    for index in range(count):
        photo, labels, _ = SyntheticFacades(count, 128).read(0, index)
        both = to_picture(torch.cat((photo, labels), 2))
        both.save(folder / f"{index}{suffix}", quality=quality)


def test_a_lossy_label_map_is_recognized_and_a_photo_is_not_one(tmp_path):
    save_facades(tmp_path / "train", 16, ".jpg")
    train = PairedImageDataset(tmp_path, direction="b2a")
    assert re.match(r"b \(labels, \d\d colors\) → a \(photo\), ", describe_pairs(train, train))


def test_a_lossy_label_map_has_the_same_colors_everywhere(tmp_path, capsys):
    save_facades(tmp_path / "train", 20, ".jpg", quality=75)
    transform = PairTransform(96, 64)
    train = PairedImageDataset(tmp_path, direction="b2a", transform=transform)
    colors = PictureMap.of_data(train, "source", "target").colors
    drawn = torch.tensor(list(CMP_PALETTE.values()))
    assert all((drawn - torch.tensor(color)).abs().amax(1).min() < 24 for color in colors)
    assert f"b (labels, {len(colors)} colors) → a (photo), " in describe_pairs(train, train)
    main(["data", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")])
    assert f"b: labels, {len(colors)} colors; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("channels", "labels", "line"),
    [
        (3, False, "a (photo) → b (photo), "),
        (1, False, "a (gray photo) → b (gray photo), "),
        (1, None, "a (gray photo) → b (labels, 4 colors), "),
        (4, True, "a (RGBA photo) → b (labels, 11 colors), "),
    ],
)
def test_gray_pictures_and_a_side_that_is_declared_a_photo(tmp_path, channels, labels, line):
    save_facades(tmp_path / "train", 4, ".png")
    b = ImageFormat(channels, labels=labels)
    train = PairedImageDataset(tmp_path, a_format=ImageFormat(channels), b_format=b)
    assert describe_pairs(train, train).startswith(line)


def test_halves_that_are_no_squares_need_a_word(tmp_path, make_picture):
    make_picture(tmp_path / "photos" / "x.png", 40, 30)
    make_picture(tmp_path / "halves" / "x.png", 40, 20)
    pairs = PairedImageDataset(tmp_path / "halves")
    assert f"b (photo), {pairs.layout}, 1 train" in describe_pairs(pairs, pairs)
    with pytest.raises(DataError, match=r"x\.png: is 40x30, not twice as wide .*side_by_side=True"):
        PairedImageDataset(tmp_path / "photos")[0]
    insisted = PairedImageDataset(tmp_path / "photos", side_by_side=True)
    assert insisted[0]["source"].shape == (3, 30, 20)


def test_training_pairs_are_not_called_held_out(tmp_path, make_picture):
    make_picture(tmp_path / "train" / "x.png")
    pairs = [PairedImageDataset(tmp_path, split=split) for split in ("train", "train")]
    held_out = "none held out (no val/ and no test/): grids and scores are of training samples"
    assert describe_pairs(*pairs).endswith(f"1 train, {held_out}")
    assert held_out_split(tmp_path) == "train"
    for split in ("test", "val"):
        make_picture(tmp_path / split / "x.png")
        assert held_out_split(tmp_path) == split
        val = PairedImageDataset(tmp_path, split=split)
        assert describe_pairs(pairs[0], val).endswith(f"1 train, 1 {split}")


@pytest.mark.parametrize("sides", [("a", "b"), ("A", "B")])
def test_splits_inside_two_folders_are_found(tmp_path, make_picture, sides):
    for side in sides:
        for split in ("train", "val"):
            make_picture(tmp_path / side / split / "x.png")
    make_picture(tmp_path / sides[0] / "test" / "x.png")  # no split: on one side alone
    assert split_names(tmp_path) == ["train", "val"]
    assert held_out_split(tmp_path) == "val"


def test_shades_of_one_color_count_once():
    image = torch.tensor([0, 10, 30, 200, 210, 255], dtype=torch.uint8).repeat(10)
    assert len(label_colors([image.view(1, 6, 10)])) == 3
    noise = torch.randint(0, 256, (3, 64, 64)).to(torch.uint8)
    assert len(label_colors([noise])) <= MOST_COLORS


def test_lines_of_one_pixel_have_colors():
    """A lossless file has no blur, and a lossy one of lines alone has no flat areas."""
    lines = torch.zeros(1, 64, 64, dtype=torch.uint8)
    lines[:, ::8] = 255
    assert label_colors([lines]) == ((0,), (255,))
    shades = torch.arange(0, 256, 2, dtype=torch.uint8).view(1, 64, 2).repeat(1, 1, 32)
    assert len(label_colors([shades * (lines > 0)])) > 2


def test_every_broken_pair_is_named_before_a_training(tmp_path, make_picture, truncate):
    for split in ("train", "val"):
        make_picture(tmp_path / split / "good.png", 32, 16)
    whole = [PairedImageDataset(tmp_path, split=split) for split in ("train", "val")]
    require_readable(*whole)
    truncate(make_picture(tmp_path / "val" / "bad.png", 32, 16))
    Image.new("RGB", (30, 15)).save(tmp_path / "val" / "small.png")
    transform = PairTransform(None, 16)
    pairs = [whole[0], PairedImageDataset(tmp_path, split="val", transform=transform)]
    with pytest.raises((DataError, ShapeError), match=r"(?s)bad\.png: cannot be read.*small"):
        require_readable(*pairs)
