"""Datasets of images, alone, unpaired, and scaled down: index rules, draws, fingerprints."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image

from ganblocks.data import (
    DATASETS,
    DownscaledPairs,
    EpochDataset,
    ImageDataset,
    ImagesOfPairs,
    PairTransform,
    SyntheticFacades,
    UnpairedImageDataset,
)
from ganblocks.data.formats import to_unit_range
from ganblocks.data.map_style import fingerprint
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import DataError, OptionError
from ganblocks.registry import spec_of


class Numbers(EpochDataset):
    """Images that hold their own epoch and index."""

    def __init__(self, length, size=(1, 1)):
        self.length, self.size = length, size

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        epoch, index = self.position(key)
        return {"image": torch.tensor([epoch, index])[:, None, None], "name": f"{epoch}/{index}"}


class Noise(Numbers):
    """Noise images of one size."""

    def __getitem__(self, key):
        generator = seeded_generator(*self.position(key))
        return {"image": 2 * torch.rand(3, *self.size, generator=generator) - 1, "name": "x"}


def key_of(image):
    return tuple(image.flatten().tolist())


def pixels(path):
    return torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)


@pytest.mark.parametrize("folder", ["", "train"])
def test_a_folder_of_pictures(tmp_path, make_picture, folder):
    paths = [make_picture(tmp_path / folder / f"{n}.png", seed=n) for n in (10, 9)]
    dataset = ImageDataset(tmp_path)
    assert [dataset[index]["name"] for index in range(len(dataset))] == ["9", "10"]
    assert torch.equal(dataset[1]["image"], to_unit_range(pixels(paths[0])))
    assert dataset[0].keys() == {"image", "name"}
    with pytest.raises(IndexError, match="index 2 is out of range: the dataset has 2 samples"):
        dataset[4, 2]


def test_the_split_is_chosen_as_for_pairs(tmp_path, make_picture):
    make_picture(tmp_path / "flat.png")
    make_picture(tmp_path / "val" / "held_out.png")
    assert ImageDataset(tmp_path, split="val")[0]["name"] == "held_out"
    assert ImageDataset(tmp_path, split=None)[0]["name"] == "flat"
    with pytest.raises(DataError, match=r"has no split 'train'; it has 'val'"):
        ImageDataset(tmp_path)
    with pytest.raises(DataError, match=r"no split folders, so no 'test'"):
        ImageDataset(tmp_path / "val", split="test")


def test_a_folder_without_pictures(tmp_path, make_picture):
    with pytest.raises(DataError, match="no folder .*nowhere: pass the folder"):
        ImageDataset(tmp_path / "nowhere")
    for folder in ("a", "b"):
        make_picture(tmp_path / folder / "x.png")
    with pytest.raises(DataError, match=r"has pairs: pass one of its folders a/ and b/"):
        ImageDataset(tmp_path)
    make_picture(tmp_path / "a" / "x.jpg")
    with pytest.raises(DataError, match=r"x\.png: has the name of x\.jpg; rename or remove"):
        ImageDataset(tmp_path / "a")


def test_channels_and_broken_pictures(tmp_path, make_picture, truncate):
    make_picture(tmp_path / "x.png")
    gray = {"type": "image", "channels": 1}
    assert ImageDataset(tmp_path, image_format=gray)[0]["image"].shape == (1, 8, 16)
    with pytest.raises(DataError, match=r"x\.png: it has 3 channels, not 2"):
        ImageDataset(tmp_path, image_format={"type": "image", "channels": 2})[0]
    truncate(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x\.png: cannot be read"):
        ImageDataset(tmp_path)[0]


def test_an_image_draws_what_the_side_of_a_pair_draws(tmp_path, make_picture):
    path = make_picture(tmp_path / "x.png", 40, 30)
    dataset = ImageDataset(tmp_path, transform=PairTransform(24, 16), seed=5)
    for epoch in range(4):
        a, _ = PairTransform(24, 16)(pixels(path), pixels(path), seeded_generator(5, epoch, 0))
        assert torch.equal(dataset[epoch, 0]["image"], to_unit_range(a))
    assert len({key_of(dataset[epoch, 0]["image"]) for epoch in range(4)}) > 1
    flat = {"type": "image", "labels": True}
    labels = ImageDataset(tmp_path, transform=PairTransform(53, 50), image_format=flat)
    assert set(labels[0]["image"].unique().tolist()) <= set(
        to_unit_range(pixels(path)).unique().tolist()
    )


lengths = st.integers(1, 12)


@settings(deadline=None, max_examples=80)
@given(a=lengths, b=lengths, epoch=st.integers(0, 5), shuffle=st.booleans(), seed=st.integers(0, 9))
def test_an_epoch_of_unpaired_images(a, b, epoch, shuffle, seed):
    dataset = UnpairedImageDataset(Numbers(a), Numbers(b), shuffle=shuffle, seed=seed)
    assert len(dataset) == max(a, b)
    samples = [dataset[epoch, index] for index in range(len(dataset))]
    for side, length in (("a", a), ("b", b)):
        keys = [key_of(sample[side]) for sample in samples]
        assert all(0 <= index < length for _, index in keys)
        rounds = -(-len(dataset) // length)
        assert {e for e, _ in keys} == set(range(epoch * rounds, (epoch + 1) * rounds))
        if side == "a" or not shuffle:
            assert [index for _, index in keys] == [i % length for i in range(len(dataset))]
            assert len(set(keys)) == len(keys)  # no draw comes up twice in an epoch
    sample = samples[-1]
    names = ["{}/{}".format(*key_of(sample[side])) for side in ("a", "b")]
    assert sample["name"] == ", ".join(names)
    with pytest.raises(IndexError):
        dataset[epoch, len(dataset)]


def test_partners_are_drawn_anew_for_each_epoch_and_index():
    dataset = UnpairedImageDataset(Numbers(500), Numbers(20), seed=1)
    again, other = (UnpairedImageDataset(Numbers(500), Numbers(20), seed=s) for s in (1, 2))

    def partners(dataset, epoch):
        return [key_of(dataset[epoch, index]["b"])[1] for index in range(500)]

    first = partners(dataset, 0)
    assert first == partners(again, 0)
    counts = np.bincount(first, minlength=20)
    assert (np.abs(counts - 25) < 20).all()  # uniform: four standard deviations
    for different in (partners(dataset, 1), partners(other, 0)):
        assert 5 <= sum(x == y for x, y in zip(first, different)) <= 60  # by chance 25


def test_one_set_as_both_sides():
    images = Numbers(50)
    dataset = UnpairedImageDataset(images, images)
    same = sum(torch.equal(dataset[i]["a"], dataset[i]["b"]) for i in range(50))
    assert same < 10


def test_drawn_facades_are_unpaired_by_their_sides():
    transform = PairTransform(None, 16)
    labels = ImagesOfPairs(SyntheticFacades(2, 32, transform=transform), "source")
    photos = SyntheticFacades(3, 32, seed=1)
    sample = UnpairedImageDataset(labels, ImagesOfPairs(photos), shuffle=False)[1]
    assert torch.equal(sample["a"], labels.pairs[1]["source"])
    assert torch.equal(sample["b"], photos[1]["target"])
    assert labels[2, 1]["name"] == "train-2-1"
    with pytest.raises(OptionError, match="unknown side 'photo'.*'source', 'target'"):
        ImagesOfPairs(photos, "photo")


@pytest.mark.parametrize(
    "build", [lambda x: UnpairedImageDataset(Numbers(2), x), lambda x: DownscaledPairs(x)]
)
def test_pairs_are_not_taken_for_images(build):
    pairs = SyntheticFacades(2, 32)
    with pytest.raises(OptionError, match=r"is SyntheticFacades, .*: write ImagesOfPairs"):
        build(pairs)
    with pytest.raises(OptionError, match=r"is DownscaledPairs, with pairs as samples"):
        build(DownscaledPairs(ImagesOfPairs(pairs)))


@settings(deadline=None, max_examples=40)
@given(scale=st.integers(2, 4), height=st.integers(4, 33), width=st.integers(4, 33))
def test_a_smaller_copy(scale, height, width):
    images = Noise(2, (height, width))
    sample = DownscaledPairs(images, scale)[3, 1]
    source, target = sample["source"], sample["target"]
    assert target.shape == (3, *(scale * side for side in source.shape[1:]))
    assert source.shape == (3, height // scale, width // scale)
    rows, columns = target.shape[1:]
    assert torch.equal(target, images[3, 1]["image"][:, :rows, :columns])
    assert source.abs().max() <= 1


def test_a_smaller_copy_is_pillows_bicubic():
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (24, 36)).astype(np.float32)

    class One(Numbers):
        def __getitem__(self, key):
            return {"image": torch.from_numpy(noise)[None], "name": "one"}

    source = DownscaledPairs(One(1), 3)[0]["source"][0].numpy()
    expected = Image.fromarray(noise).resize((12, 8), Image.Resampling.BICUBIC)
    assert np.abs(source - np.asarray(expected)).max() < 1e-5


def test_an_image_smaller_than_the_scale():
    with pytest.raises(DataError, match="x: is 9x3, smaller than the scale 4: use larger"):
        DownscaledPairs(Noise(1, (3, 9)))[0]
    with pytest.raises(OptionError, match="scale is 1: write a whole number that is at least 2"):
        DownscaledPairs(Noise(1, (3, 9)), 1)


def test_fingerprints_tell_sets_apart_but_not_folders(tmp_path, make_picture):
    for folder in ("one", "two"):
        make_picture(tmp_path / folder / "x.png")
    make_picture(tmp_path / "other" / "y.png")
    one, two, other = (ImageDataset(tmp_path / f) for f in ("one", "two", "other"))
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()
    transformed = ImageDataset(tmp_path / "one", transform=PairTransform(10, 8))
    assert "crop_size=8" in transformed.fingerprint()["transform"]
    for build in (lambda x: UnpairedImageDataset(one, x), DownscaledPairs):
        assert fingerprint(build(one)) == fingerprint(build(two))
        for changed in (other, transformed, ImageDataset(tmp_path / "one", seed=1)):
            assert fingerprint(build(changed)) != fingerprint(build(one))
    options = ({}, {"shuffle": False}, {"seed": 1})
    kinds = [UnpairedImageDataset(one, one, **option) for option in options]
    kinds += [DownscaledPairs(one, 2), DownscaledPairs(one, 4)]
    pairs = SyntheticFacades(2, 32)
    kinds += [ImagesOfPairs(pairs, "source"), ImagesOfPairs(pairs)]
    assert len({str(x.fingerprint()) for x in kinds}) == len(kinds)


def test_a_spec_builds_nested_sets(tmp_path, make_picture):
    make_picture(tmp_path / "x.png")
    labels = ImagesOfPairs(SyntheticFacades(2, 32), "source")
    dataset = UnpairedImageDataset(ImageDataset(tmp_path), labels, seed=3)
    spec = spec_of(dataset)
    assert spec["b"]["pairs"]["type"] == "synthetic_facades"
    for again in (DATASETS.build(spec), pickle.loads(pickle.dumps(dataset))):
        assert again.fingerprint() == dataset.fingerprint()
        assert torch.equal(again[2, 1]["b"], dataset[2, 1]["b"])
