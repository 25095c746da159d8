"""A run's formats: pictures are read, resized and written as its data were."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import ConcatDataset, Subset

from ganblocks import (
    PairedImageDataset,
    PairedTranslation,
    RunFolder,
    TrainOptions,
    fit,
    load,
    translate,
)
from ganblocks.data import ImageFormat, LabelFormat, PairTransform, SyntheticFacades
from ganblocks.errors import DataError, OptionError
from ganblocks.generators import GENERATORS
from ganblocks.pictures import to_picture

RNG = np.random.default_rng(0)


class Identity(nn.Module):
    """Returns its input; the weight makes it trainable."""

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, image):
        seen.append(tuple(image.shape[-2:]))
        return image * self.weight


seen = []


@pytest.fixture(autouse=True)
def identity(monkeypatch):
    monkeypatch.setattr(GENERATORS, "_entries", dict(GENERATORS._entries))
    GENERATORS.register("identity_of_this_test")(Identity)


def train(folder, pairs, generator):
    judge = {"type": "pixel", "in_channels": 2 * pairs[0]["source"].shape[0], "base_channels": 4}
    task = PairedTranslation(
        generator, judge, {"terms": {"l1": "l1"}}, optimizer={"type": "sgd", "lr": 0.0}
    )
    fit(task, pairs, pairs, RunFolder(folder), TrainOptions(steps=1, progress=False))
    return load(folder)


def save_16_bits(folder, size=(20, 24)):
    for side in "ab":
        (folder / side).mkdir(parents=True)
        for number in range(3):
            values = RNG.integers(0, 65536, size, np.uint16)
            Image.fromarray(values).save(folder / side / f"{number}.png")


def test_16_bits_go_through_train_checkpoint_and_translate(tmp_path):
    save_16_bits(tmp_path / "pairs")
    pairs = PairedImageDataset(tmp_path / "pairs")
    generator = train(tmp_path / "run", pairs, "identity_of_this_test")
    path = tmp_path / "pairs" / "a" / "1.png"
    out = translate(generator, path)
    assert out.mode == "I;16"
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(out), np.asarray(picture))
    spec = json.loads((tmp_path / "run" / "spec.json").read_text())["pictures"]["generator"]
    assert (spec["input"]["dtype"], spec["size"]) == ("uint16", None)
    with pytest.raises(DataError, match="it holds uint8 values, not uint16"):
        translate(generator, Image.new("L", (8, 8)))


@pytest.mark.parametrize(
    ("resize", "size"), [("stretch", (16, 16)), ("cover", (16, 32)), ("contain", (8, 16))]
)
def test_pictures_are_resized_to_the_size_of_the_training_and_back(tmp_path, resize, size):
    save_16_bits(tmp_path / "pairs", (32, 32))
    pairs = PairedImageDataset(tmp_path / "pairs", transform=PairTransform(20, 16, resize=resize))
    generator = train(tmp_path / "run", pairs, "identity_of_this_test")
    y, x = np.mgrid[:40, :80]
    smooth = Image.fromarray((30000 + 200 * y + 100 * x).astype(np.uint16))
    out = translate(generator, smooth)
    assert seen[-1] == size
    assert (out.size, out.mode) == (smooth.size, "I;16")
    assert np.abs(np.asarray(out).astype(int) - np.asarray(smooth)).mean() < 400
    np.testing.assert_array_equal(translate(generator, smooth, size="as it is"), smooth)
    with pytest.raises(OptionError, match="size"):
        translate(generator, smooth, size="native")


def test_label_maps_become_classes_and_back(tmp_path):
    palette = [[0, 0, 0], [250, 0, 0], [0, 250, 0]]
    for side in "ab":
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(2):
            colors = np.array(palette, np.uint8)[RNG.integers(0, 3, (8, 8))]
            Image.fromarray(colors).save(tmp_path / "pairs" / side / f"{number}.png")
    form = LabelFormat(palette)
    pairs = PairedImageDataset(tmp_path / "pairs", a_format=form, b_format=form)
    assert pairs[0]["source"].shape == (3, 8, 8)
    generator = train(tmp_path / "run", pairs, {"type": "identity_of_this_test", "in_channels": 3})
    path = tmp_path / "pairs" / "b" / "0.png"
    with Image.open(path) as picture:
        np.testing.assert_array_equal(translate(generator, path), picture)
    with pytest.raises(DataError, match=r"it has the color \[9, 9, 9\], which is not a class"):
        translate(generator, Image.new("RGB", (8, 8), (9, 9, 9)))
    with Image.open(next((tmp_path / "run" / "samples").iterdir())) as sheet:
        shown = np.unique(np.asarray(sheet.convert("RGB")).reshape(-1, 3), axis=0).tolist()
    assert all(color in shown for color in palette)


def test_a_generator_without_a_run_reads_pictures_of_its_channels():
    generator = GENERATORS.build("identity_of_this_test", in_channels=3)
    front = to_picture(SyntheticFacades(1, 64).read(0, 0)[0])
    np.testing.assert_array_equal(translate(generator, front), front)
    assert translate(generator, Image.new("L", (5, 4), 7)).getpixel((0, 0)) == (7, 7, 7)


def test_a_window_is_written_back_in_stored_values(tmp_path):
    for side in "ab":
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "1.npy", np.linspace(-2000, 2000, 64).reshape(8, 8).astype("i2"))
    window = ImageFormat(value_range=(-1000, 1000))
    pairs = PairedImageDataset(tmp_path, a_format=window, b_format=window)
    image = pairs[0]["source"]
    assert (image.min(), image.max()) == (-1, 1)
    back = pairs.a_format.restore(image)
    assert back.dtype == np.int16
    values = np.load(tmp_path / "a" / "1.npy")
    np.testing.assert_array_equal(back[..., 0], values.clip(-1000, 1000))


def test_held_out_data_have_the_formats_of_the_training(tmp_path):
    for split, dtype in (("train", np.uint8), ("val", np.uint16)):
        for side in "ab":
            (tmp_path / split / side).mkdir(parents=True)
            Image.fromarray(np.eye(16, dtype=dtype)).save(tmp_path / split / side / "1.png")
    train, val = (PairedImageDataset(tmp_path, split=split) for split in ("train", "val"))
    judge = {"type": "pixel", "in_channels": 2, "base_channels": 4}
    task = PairedTranslation("identity_of_this_test", judge, {"terms": {"l1": "l1"}})
    with pytest.raises(DataError, match=r"dtype='uint8'.* in training, but .*dtype='uint16'"):
        fit(task, train, val, RunFolder(tmp_path / "run"), TrainOptions(steps=1, progress=False))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "view", [lambda pairs: Subset(pairs, [2, 0]), lambda pairs: ConcatDataset([pairs, pairs])]
)
def test_a_run_on_a_view_keeps_the_formats_of_its_pairs(tmp_path, view):
    save_16_bits(tmp_path / "pairs")
    pairs = view(PairedImageDataset(tmp_path / "pairs"))
    generator = train(tmp_path / "run", pairs, "identity_of_this_test")
    path = tmp_path / "pairs" / "a" / "1.png"
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(translate(generator, path)), np.asarray(picture))
