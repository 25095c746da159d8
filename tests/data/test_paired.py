import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from ganblocks.data import DATASETS, ImageFormat
from ganblocks.data.base import PairedDataset
from ganblocks.data.formats import to_unit_range
from ganblocks.data.paired import PairedImageDataset
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, OptionError


def names(dataset):
    return [pair.name for pair in dataset.pairs]


def pixels(path):
    return torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)


@pytest.mark.parametrize("folder", ["", "train"])
def test_side_by_side(tmp_path, make_picture, folder):
    path = make_picture(tmp_path / folder / "x.png")
    dataset = PairedImageDataset(tmp_path)
    a, b, name = dataset.read(0, 0)
    whole = pixels(path)
    assert torch.equal(a, whole[..., :8])
    assert torch.equal(b, whole[..., 8:])
    assert name == "x"
    sample = dataset[0]
    assert torch.equal(sample["source"], to_unit_range(whole[..., :8]))
    assert sample["target"].shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a", "b"),
        ("A", "B"),
        ("train/a", "train/b"),
        ("a/train", "b/train"),
        ("train/A", "train/B"),
    ],
)
def test_two_folders(tmp_path, make_picture, a, b):
    left = make_picture(tmp_path / a / "x.png", seed=1)
    right = make_picture(tmp_path / b / "x.bmp", seed=2)
    dataset = PairedImageDataset(tmp_path)
    read = dataset.read(0, 0)
    assert torch.equal(read[0], pixels(left))
    assert torch.equal(read[1], pixels(right))
    assert (read[2], len(dataset)) == ("x", 1)


def test_the_split_is_chosen(tmp_path, make_picture):
    for split, count in {"train": 3, "val": 2, "mine": 1}.items():
        for number in range(count):
            make_picture(tmp_path / split / f"{split}{number}.png")
    for split, count in {"train": 3, "val": 2, "mine": 1}.items():
        dataset = PairedImageDataset(tmp_path, split=split)
        assert len(dataset) == count
        assert names(dataset)[0] == f"{split}0"


def test_no_split_reads_the_root_itself(tmp_path, make_picture):
    make_picture(tmp_path / "flat.png")
    make_picture(tmp_path / "train" / "split.png")
    assert names(PairedImageDataset(tmp_path, split=None)) == ["flat"]
    assert names(PairedImageDataset(tmp_path / "train", split=None)) == ["split"]


def test_names_are_in_natural_order_and_hidden_files_are_not_seen(tmp_path, make_picture):
    for name in ["10.jpg", "2.JPG", "1.png", "b2.webp", "b10.tiff", "._3.jpg"]:
        make_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    assert names(PairedImageDataset(tmp_path)) == ["1", "2", "10", "b2", "b10"]


@pytest.mark.parametrize(
    ("mode", "channels"),
    [(m, c) for m in ("L", "RGB", "RGBA", "1") for c in (1, 3, 4)] + [("P", 3), ("P", 4)],
)
def test_channels(tmp_path, make_picture, channels, mode):
    make_picture(tmp_path / "x.png", mode=mode)
    form = ImageFormat(channels)
    sample = PairedImageDataset(tmp_path, a_format=form, b_format=form)[0]
    assert sample["source"].shape == sample["target"].shape == (channels, 8, 8)


def test_a_palette_with_alpha_keeps_its_colors(tmp_path):
    picture = Image.new("P", (16, 8), 1)
    picture.putpalette([0, 0, 0, 170, 85, 255])
    picture.save(tmp_path / "x.png", transparency=bytes([0, 255]))
    a, _, _ = PairedImageDataset(tmp_path).read(0, 0)
    assert a[:, 0, 0].tolist() == [170, 85, 255]


def test_pictures_are_turned_upright(tmp_path):
    upright = Image.fromarray(np.arange(3 * 16 * 8, dtype=np.uint8).reshape(8, 16, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns the stored pixels by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "x.png", exif=exif)
    a, b, _ = PairedImageDataset(tmp_path).read(0, 0)
    whole = torch.from_numpy(np.array(upright)).permute(2, 0, 1)
    assert torch.equal(torch.cat([a, b], 2), whole)


def test_the_direction_determines_the_source(tmp_path, make_picture):
    make_picture(tmp_path / "x.png")
    forth, back = (PairedImageDataset(tmp_path, direction=way) for way in ("a2b", "b2a"))
    a, b, _ = forth.read(0, 0)
    for dataset, source, target in [(forth, a, b), (back, b, a)]:
        assert all(map(torch.equal, dataset.read(0, 0)[:2], (a, b)))  # the sides stay
        assert torch.equal(dataset[0]["source"], to_unit_range(source))
        assert torch.equal(dataset[0]["target"], to_unit_range(target))
    assert forth.fingerprint() != back.fingerprint()
    with pytest.raises(OptionError, match=r"unknown direction 'b2b'.*'a2b', 'b2a'"):
        PairedImageDataset(tmp_path, direction="b2b")


def test_epochs_differ_and_repeat_exactly(tmp_path, make_picture):
    make_picture(tmp_path / "x.png", 64, 32)
    make = lambda seed: PairedImageDataset(  # noqa: E731
        tmp_path, transform=PairTransform(None, 8), seed=seed
    )
    first, again, other = make(0), make(0), make(1)
    assert torch.equal(first[0]["source"], again[0, 0]["source"])
    assert torch.equal(first[5, 0]["source"], again[5, 0]["source"])
    draws = [first[epoch, 0]["source"] for epoch in range(6)]
    assert any(not torch.equal(draws[0], draw) for draw in draws)
    assert any(not torch.equal(first[e, 0]["source"], other[e, 0]["source"]) for e in range(6))


def test_a_copy_in_a_worker_gives_the_same_pixels(tmp_path, make_picture):
    for number in range(3):
        make_picture(tmp_path / f"{number}.png", 64, 32, seed=number)
    dataset = PairedImageDataset(tmp_path, transform=PairTransform(None, 8))
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.pairs == dataset.pairs
    (batch,) = DataLoader(copy, batch_size=3)
    assert torch.equal(
        batch["source"], torch.stack([dataset[index]["source"] for index in range(3)])
    )
    assert batch["name"] == ["0", "1", "2"]


def test_it_is_registered(tmp_path, make_picture):
    make_picture(tmp_path / "x.png")
    built = DATASETS.build({"type": "paired_images", "root": str(tmp_path), "direction": "b2a"})
    assert isinstance(built, PairedImageDataset)
    assert built.direction == "b2a"


def test_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"no folder .*nowhere: pass the folder"):
        PairedImageDataset(tmp_path / "nowhere")


@pytest.mark.parametrize("folders", [[""], ["train"], ["a", "b"], ["train/a", "train/b"]])
def test_no_pictures(tmp_path, folders):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"no images in .*\.png, \.jpg"):
        PairedImageDataset(tmp_path)


@pytest.mark.parametrize("places", [["{}"], ["a/{}", "b/{}"]])
def test_the_error_for_a_missing_split_lists_those_that_exist(tmp_path, make_picture, places):
    for place in places:
        make_picture(tmp_path / place.format("train") / "x.png")
        make_picture(tmp_path / place.format("test") / "x.png")
    with pytest.raises(DataError, match=r"has no split 'val'.*it has 'train', 'test'"):
        PairedImageDataset(tmp_path, split="val")


def test_a_flat_folder_is_not_taken_for_held_out_pictures(tmp_path, make_picture):
    make_picture(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"no split folders, so no 'val'.*split=None"):
        PairedImageDataset(tmp_path, split="val")


@pytest.mark.parametrize(("have", "lack"), [("a", "b"), ("b", "a")])
def test_one_of_two_folders(tmp_path, make_picture, have, lack):
    make_picture(tmp_path / have / "x.png")
    with pytest.raises(DataError, match=f"has a folder {have}/ but no {lack}/"):
        PairedImageDataset(tmp_path)


def test_unpaired_files_are_listed(tmp_path, make_picture):
    for name in ["1", "2", "3"]:
        make_picture(tmp_path / "a" / f"{name}.png")
    for name in ["2", "4"]:
        make_picture(tmp_path / "b" / f"{name}.png")
    with pytest.raises(DataError) as caught:
        PairedImageDataset(tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == f"3 files are not part of a pair in {tmp_path}:"
    files = [tmp_path / "a" / "1.png", tmp_path / "a" / "3.png", tmp_path / "b" / "4.png"]
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in files]


def test_a_long_list_is_cut(tmp_path, make_picture):
    make_picture(tmp_path / "b" / "x.png")
    for number in range(24):
        make_picture(tmp_path / "a" / f"{number}.png", 2, 2)
    with pytest.raises(DataError) as caught:
        PairedImageDataset(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[0].startswith("25 files")
    assert lines[-1].startswith("... and 5 more")


@pytest.mark.parametrize("folder", ["", "a"])
def test_two_files_of_one_name(tmp_path, make_picture, folder):
    make_picture(tmp_path / folder / "x.png")
    make_picture(tmp_path / folder / "x.jpg")
    if folder:
        make_picture(tmp_path / "b" / "x.png")
    with pytest.raises(DataError, match=r"1 file is(.|\n)*x\.png: has the name of x\.jpg"):
        PairedImageDataset(tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_a_truncated_picture_is_named(tmp_path, make_picture, truncate, suffix):
    path = truncate(make_picture(tmp_path / f"x{suffix}", 64, 64))
    with pytest.raises(DataError, match=rf"{path}: cannot be read .*replace or remove it"):
        PairedImageDataset(tmp_path)[0]


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_file_that_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.jpg: cannot be read"):
        PairedImageDataset(tmp_path)[0]


def test_an_odd_width(tmp_path, make_picture):
    make_picture(tmp_path / "x.png", width=17)
    with pytest.raises(DataError, match=r"x\.png: is 17 pixels wide, an odd number.*two folders"):
        PairedImageDataset(tmp_path)[0]


def test_sides_of_different_sizes(tmp_path, make_picture):
    make_picture(tmp_path / "a" / "x.png", 16, 8)
    make_picture(tmp_path / "b" / "x.png", 8, 16)
    with pytest.raises(DataError, match=r"a/x\.png: is 16x8, but .*b/x\.png is 8x16"):
        PairedImageDataset(tmp_path)[0]


@pytest.mark.parametrize("option", [{"direction": "b2b"}, {"channels": 2}, {"channels": None}])
def test_options_are_checked(tmp_path, make_picture, option):
    make_picture(tmp_path / "x.png")
    with pytest.raises(OptionError, match=next(iter(option))):
        PairedImageDataset(tmp_path, **option)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (torch.zeros(3, 4, 4).double(), r"torch.float64 of shape \(3, 4, 4\)"),
        (torch.zeros(3, 4, 4, dtype=torch.int16), "torch.int16"),
        (torch.zeros(3, 4, 4, dtype=torch.bool), "torch.bool"),
        (torch.zeros(4, 4, dtype=torch.uint8), r"torch.uint8 of shape \(4, 4\)"),
        (np.zeros((3, 4, 4), np.uint8), "uint8 of shape"),
    ],
)
def test_what_is_not_pixels_is_refused_where_samples_are_made(image, kind):
    class Wrong(PairedDataset):
        def __len__(self):
            return 1

        def read(self, epoch, index):
            return torch.zeros(3, 4, 4, dtype=torch.uint8), image, "pair_7"

    dataset = Wrong()
    for read in (lambda: dataset[0], lambda: dataset.pixels(0, 0)):
        with pytest.raises(DataError, match=f"pair_7: side b is {kind}"):
            read()
