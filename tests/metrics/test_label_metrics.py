"""Label scores: against torchmetrics and by hand, and a segmenter that learns and is cached."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from ganblocks import SyntheticFacades
from ganblocks.data import LabelFormat, rgb_to_classes
from ganblocks.errors import DataError, OptionError, RunError, ShapeError
from ganblocks.metrics import METRICS, train_segmenter
from ganblocks.metrics.segmenter import Segmenter

NAMES = ("pixel_accuracy", "class_accuracy", "mean_iou")
K = 5
EYE = 2 * torch.eye(K) - 1


def one_hot(classes):
    return EYE[classes].movedim(-1, 1)


@pytest.fixture
def reader():
    """Reads a photo of K channels as the class of its largest channel."""
    return Segmenter(torch.nn.Identity(), EYE, (8, 6))


def drawn(count=7, used=K, seed=0):
    generator = torch.Generator().manual_seed(seed)
    true, read = torch.randint(used, (2, count, 8, 6), generator=generator)
    return torch.where(torch.rand(true.shape, generator=generator) < 0.6, true, read), true


def scored(name, reader, read, true):
    metric = METRICS.build(name, segmenter=reader)
    for one, other in zip(read.split(3), true.split(3), strict=True):
        metric.update(one_hot(one), one_hot(one), one_hot(other))
    return metric


@pytest.mark.parametrize("used", [K, K - 2])
def test_the_scores_are_those_of_torchmetrics(reader, used):
    read, true = drawn(used=used)
    expected = {
        "pixel_accuracy": MulticlassAccuracy(K, average="micro"),
        "class_accuracy": MulticlassAccuracy(K, average="macro"),
        "mean_iou": MulticlassJaccardIndex(K),
    }
    for name, theirs in expected.items():
        result = scored(name, reader, read, true).compute()
        assert result.value == pytest.approx(theirs(read, true).item(), rel=1e-5)
        assert result.count == 7


def test_by_hand_also_with_a_class_that_is_only_read(reader):
    quarters = torch.tensor([[0, 0, 0, 1], [0, 0, 2, 1]]).view(2, 1, 2, 2)
    true, read = quarters.repeat_interleave(4, 2).repeat_interleave(3, 3)
    values = {name: scored(name, reader, read, true).compute() for name in NAMES}
    assert values["pixel_accuracy"].value == pytest.approx(3 / 4)
    assert values["class_accuracy"].value == pytest.approx((2 / 3 + 1) / 2)
    assert values["mean_iou"].value == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert all(np.isnan(value.error) for value in values.values())


@pytest.mark.parametrize("name", ["class_accuracy", "mean_iou"])
def test_the_error_is_the_jackknife_over_images(reader, name):
    read, true = drawn()
    without = []
    for left_out in range(7):
        kept = torch.arange(7) != left_out
        without.append(scored(name, reader, read[kept], true[kept]).compute().value)
    error = np.sqrt(6 / 7 * np.square(np.array(without) - np.mean(without)).sum())
    assert scored(name, reader, read, true).compute().error == pytest.approx(error, rel=1e-9)


def test_what_cannot_be_scored_says_what_to_write(reader):
    photo = torch.rand(2, K, 8, 6) * 2 - 1
    metric = METRICS.build("mean_iou")
    with pytest.raises(OptionError, match="mean_iou got NoneType as source"):
        metric.update(photo, photo)
    with pytest.raises(OptionError, match="mean_iou has no segmenter: pass segmenter=train_seg"):
        metric.update(photo, photo, photo)
    metric = METRICS.build("mean_iou", segmenter=reader)
    with pytest.raises(DataError, match=r"the sources are 0\.\d+ from the colors"):
        metric.update(photo, photo, photo)
    with pytest.raises(ShapeError, match="for a segmenter of maps with 5 channels"):
        metric.update(photo, photo, photo[:, :3])
    with pytest.raises(ShapeError, match="source"):
        metric.update(photo, photo, one_hot(torch.zeros(2, 4, 6, dtype=torch.long)))
    with pytest.raises(RunError, match=r"nowhere is not a segmenter .* train_segmenter\(pairs\)"):
        METRICS.build("mean_iou", segmenter="nowhere")


class OneHot(SyntheticFacades):
    """Facades whose sources have a channel for each class."""

    @property
    def formats(self):
        return {**super().formats, "source": LabelFormat(12)}

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        classes = rgb_to_classes(((sample["source"] + 1) * 127.5).round().byte())
        return {**sample, "source": 2 * torch.eye(12)[classes].movedim(-1, 0) - 1}


class Noise(SyntheticFacades):
    """Facades whose sources are noise."""

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "source": torch.rand(sample["source"].shape) * 2 - 1}


def test_a_segmenter_learns_to_read_photos_that_it_has_not_seen(tmp_path):
    segmenter = train_segmenter(SyntheticFacades(24, 32), steps=100, cache=tmp_path)
    held_out = [SyntheticFacades(32, 32)[index] for index in range(24, 32)]
    sources, targets = (torch.stack([x[key] for x in held_out]) for key in ("source", "target"))
    blurred = torch.nn.functional.avg_pool2d(targets, 9, 1, 4)
    values = []
    for photos in (targets, blurred, targets.roll(1, 0)):
        metric = METRICS.build("pixel_accuracy", segmenter=segmenter)
        metric.update(photos, targets, sources)
        values.append(metric.compute().value)
    assert values == sorted(values, reverse=True)
    assert values[0] > values[2] + 0.1


def test_one_hot_sources_have_their_classes_and_photos_any_size(tmp_path):
    segmenter = train_segmenter(OneHot(4, 32), steps=1, cache=tmp_path)
    assert torch.equal(segmenter.palette, 2 * torch.eye(12) - 1)
    sample = OneHot(4, 32)[1]
    assert torch.equal(segmenter.classes(sample["source"][None])[0], sample["source"].argmax(0))
    again = Segmenter.load(next(tmp_path.iterdir()))
    photo = torch.rand(2, 3, 40, 56)
    assert segmenter(photo).shape == (2, 12, 40, 56)
    assert torch.equal(segmenter(photo), again(photo))


def test_it_is_read_from_the_cache_if_data_and_options_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBLOCKS_CACHE", str(tmp_path))
    before = torch.get_rng_state()
    first = train_segmenter(SyntheticFacades(4, 32), steps=2)
    assert torch.equal(before, torch.get_rng_state())
    [path] = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    again = train_segmenter(SyntheticFacades(4, 32), steps=2)
    assert path.stat().st_mtime_ns == written
    photo = SyntheticFacades(4, 32)[0]["target"][None]
    assert torch.equal(first(photo), again(photo))
    path.unlink()
    assert torch.equal(first(photo), train_segmenter(SyntheticFacades(4, 32), steps=2)(photo))
    for other in ({"steps": 3}, {"steps": 2, "seed": 1}, {"steps": 2, "side": 48}):
        train_segmenter(SyntheticFacades(4, 32), **other)
    train_segmenter(SyntheticFacades(5, 32), steps=2)
    assert len(list(tmp_path.iterdir())) == 5


def test_a_broken_cache_and_sources_that_are_photos_are_refused(tmp_path):
    with pytest.raises(DataError, match="not label maps with few colors"):
        train_segmenter(Noise(4, 64), steps=1, cache=tmp_path)
    train_segmenter(SyntheticFacades(2, 32), steps=1, cache=tmp_path)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:999])
    with pytest.raises(RunError, match="delete it"):
        train_segmenter(SyntheticFacades(2, 32), steps=1, cache=tmp_path)
    with pytest.raises(OptionError, match="side is 31"):
        train_segmenter(SyntheticFacades(2, 32), side=31)
