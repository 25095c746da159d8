import pytest
import torch

from ganblocks.data import DATASETS, PairedImageDataset
from ganblocks.data.palette import CMP_PALETTE, classes_to_rgb, rgb_to_classes
from ganblocks.data.synthetic import SyntheticFacades
from ganblocks.errors import OptionError
from ganblocks.registry import spec_of

NAMES = list(CMP_PALETTE)


@pytest.fixture(scope="module")
def pairs():
    dataset = SyntheticFacades(length=80, size=64)
    photos, labels, _ = zip(*(dataset.read(0, index) for index in range(80)), strict=True)
    return torch.stack(photos), torch.stack(labels)


@pytest.mark.parametrize("size", [32, 64, 97, 128, 256])
def test_pairs_are_uint8_squares_of_the_asked_size(size):
    photo, labels, name = SyntheticFacades(size=size).read(0, 0)
    assert photo.shape == labels.shape == (3, size, size)
    assert photo.dtype == labels.dtype == torch.uint8
    assert name == "train-0-0"


def test_a_sample_is_floats_between_minus_one_and_one():
    sample = SyntheticFacades(size=64)[2, 5]
    for side in (sample["source"], sample["target"]):
        assert side.dtype == torch.float32
        assert side.min() >= -1
        assert side.max() <= 1
    assert sample["target"].std() > 0.2


def test_the_same_key_gives_the_same_pixels():
    first, again = (SyntheticFacades(size=64, seed=3).read(10**6, 7) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


@pytest.mark.parametrize(
    ("other", "epoch", "index"),
    [({"seed": 4}, 1, 2), ({"split": "val"}, 1, 2), ({}, 2, 2), ({}, 1, 3), ({}, 2, 1)],
)
def test_another_key_gives_another_building(other, epoch, index):
    photo, labels, _ = SyntheticFacades(size=64).read(1, 2)
    other_photo, other_labels, _ = SyntheticFacades(size=64, **other).read(epoch, index)
    assert not torch.equal(labels, other_labels)
    assert not torch.equal(photo, other_photo)


@pytest.mark.parametrize("split", ["train", "val"])
def test_saved_pairs_are_read_as_they_were_drawn(tmp_path, split):
    drawn = SyntheticFacades(length=3, size=33, split=split)
    drawn.save(tmp_path / "new" / "pairs")
    read = PairedImageDataset(tmp_path / "new" / "pairs", split=split, direction="b2a")
    assert len(read) == 3
    assert read.b_format.labels is True
    for index in range(3):
        for name in ("source", "target"):
            assert torch.equal(read[index][name], drawn[index][name])


def test_the_length_does_not_change_the_buildings():
    short, long = SyntheticFacades(length=3, size=64), SyntheticFacades(length=300, size=64)
    assert torch.equal(short[2]["target"], long[2]["target"])
    with pytest.raises(IndexError):
        short[3]


def test_the_building_is_the_same_at_every_size():
    small, large = (SyntheticFacades(size=size).read(0, 1)[1] for size in (128, 256))
    assert torch.equal(large[:, ::2, ::2], small)


def test_labels_hold_palette_colors_only(pairs):
    _, labels = pairs
    assert torch.equal(classes_to_rgb(rgb_to_classes(labels)), labels)


def test_each_of_the_twelve_classes_occurs(pairs):
    classes = rgb_to_classes(pairs[1]).flatten(1)
    share = {name: (classes == i).any(1).float().mean().item() for i, name in enumerate(NAMES)}
    assert min(share.values()) >= 0.1, share
    assert share["facade"] == share["door"] == 1.0


def test_no_table_from_class_to_color_gives_the_photo(pairs):
    photos = pairs[0].float().div(127.5).sub(1).movedim(1, 0)
    classes = rgb_to_classes(pairs[1])
    table = torch.empty_like(photos)
    for number in classes.unique():
        inside = classes == number
        table[:, inside] = photos[:, inside].median(1).values[:, None]
    mean = photos.mean(1, keepdim=True)
    assert (photos - table).abs().mean() > 0.8 * (photos - mean).abs().mean()


@pytest.mark.parametrize("name", ["background", "facade", "window", "door", "shop", "balcony"])
def test_a_class_varies_between_buildings_and_inside_them(pairs, name):
    photos, classes = pairs[0].float() / 255, rgb_to_classes(pairs[1])
    insides = [
        photo[:, here == NAMES.index(name)] for photo, here in zip(photos, classes, strict=True)
    ]
    insides = [inside for inside in insides if inside.shape[1] > 8]
    between = torch.stack([inside.mean(1) for inside in insides]).std(0).mean()
    within = torch.stack([inside.std(1) for inside in insides]).mean()
    assert between > 0.03
    assert within > 0.05


def test_the_labels_tell_the_color_of_the_wall(pairs):
    """Where windows have hood and sill the wall is brick: red far above green and blue."""
    photos, classes = pairs[0].float() / 255, rgb_to_classes(pairs[1])
    brick, other = [], []
    for photo, here in zip(photos, classes, strict=True):
        red, green, _ = photo[:, here == NAMES.index("facade")].mean(1).tolist()
        present = {NAMES[number] for number in here.unique()}
        (brick if {"cornice", "sill"} <= present else other).append(red / green)
    assert len(brick) >= 5
    assert min(brick) > 1.5
    assert sum(other) / len(other) < 1.3


def test_epochs_never_end():
    labels = [SyntheticFacades(size=32).read(epoch, 0)[1] for epoch in (0, 10**6, 2**40)]
    assert not torch.equal(labels[0], labels[1])
    assert not torch.equal(labels[1], labels[2])


def test_it_is_built_by_name():
    dataset = DATASETS.build("synthetic_facades", length=5, size=64, split="val")
    assert isinstance(dataset, SyntheticFacades)
    assert spec_of(dataset) == {
        "type": "synthetic_facades", "length": 5, "size": 64, "split": "val",
        "direction": "b2a", "transform": None, "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"length": 0}, {"size": 31}, {"size": 64.5}, {"seed": -1}, {"split": "test"},
     {"length": True}, {"size": "128"}],
)  # fmt: skip
def test_a_wrong_argument_is_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        SyntheticFacades(**wrong)
