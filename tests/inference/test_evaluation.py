"""Scores of a run: against numpy by hand, with floors and ceilings, and without side effects."""

import json
import math
from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from ganblocks import (
    PairedImageDataset,
    PairedTranslation,
    RunFolder,
    SyntheticFacades,
    TrainOptions,
    fit,
    generate,
    load,
)
from ganblocks.data import PairTransform
from ganblocks.errors import DataError, OptionError, RunError, ShapeError
from ganblocks.inference import evaluate, label_score
from ganblocks.inference.evaluation import pairs_options
from ganblocks.metrics import METRICS, Estimate, train_segmenter
from ganblocks.metrics.segmenter import Segmenter

RNG = np.random.default_rng(0)


def train(folder, pairs, steps=2):
    source, target = (pairs[0][side].shape[0] for side in ("source", "target"))
    generator = {"type": "unet", "in_channels": source, "out_channels": target, "num_downs": 3}
    judge = {"type": "pixel", "in_channels": source + target, "base_channels": 4}
    task = PairedTranslation(
        {**generator, "base_channels": 4}, judge, {"terms": {"adversarial": "lsgan", "l1": "l1"}}
    )
    options = TrainOptions(steps=steps, epochs=steps, device="cpu", progress=False)
    fit(task, pairs, pairs, RunFolder(folder), options)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("evaluation") / "run", SyntheticFacades(6, 32))


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))

    @METRICS.register("brightness_of_this_test")
    class Brightness:
        """Compares the mean of two sets."""

        name, better, needs_pairs = "brightness", "lower", False

        def __init__(self):
            self.reset()

        def update(self, fake, real, source=None):
            self.fake += fake.mean((1, 2, 3)).tolist()
            self.real += real.mean((1, 2, 3)).tolist()

        def compute(self):
            if not self.fake:
                raise OptionError("no images")
            gap = abs(np.mean(self.fake) - np.mean(self.real))
            return Estimate(float(gap), math.nan, len(self.fake))

        def reset(self):
            self.fake, self.real = [], []

    return Brightness


def images_of(pairs, key):
    return torch.stack([sample[key] for sample in pairs])


def test_scores_are_those_of_numpy(run):
    pairs = SyntheticFacades(6, 32)
    result = evaluate(run, pairs, metrics=["l1", "psnr"], mode="mean", device="cpu")
    outputs = generate(load(run), images_of(pairs, "source"), mode="mean").double().numpy()
    targets = images_of(pairs, "target").double().numpy()
    each = np.abs(outputs - targets).mean((1, 2, 3))
    decibels = 10 * np.log10(4 / ((outputs - targets) ** 2).mean((1, 2, 3)))
    score = result.scores["l1"]
    np.testing.assert_allclose([row["l1"] for row in result.rows], each, rtol=1e-5)
    np.testing.assert_allclose([row["psnr"] for row in result.rows], decibels, rtol=1e-5)
    assert score["value"] == pytest.approx(each.mean(), rel=1e-5)
    assert score["error"] == pytest.approx(each.std(ddof=1) / 6**0.5, rel=1e-4)
    assert (score["count"], score["ceiling"], score["better"]) == (6, 0, "lower")
    assert (result.scores["psnr"]["ceiling"], result.scores["psnr"]["better"]) == (
        math.inf,
        "higher",
    )
    assert [row["name"] for row in result.rows] == [sample["name"] for sample in pairs]
    assert result.problems == []
    with pytest.raises(FrozenInstanceError):
        result.rows = []


def test_the_floor_is_each_target_beside_that_of_another_picture(run):
    pairs = SyntheticFacades(6, 32)
    seen = []
    floor = evaluate(
        run, pairs, metrics=["l1"], show=lambda index, row, images: seen.append(index), batch_size=4
    ).scores["l1"]["floor"]
    targets = images_of(pairs, "target")[seen].double().numpy()
    expected = np.abs(targets[1:] - targets[:-1]).mean((1, 2, 3)).mean()
    assert sorted(seen) == list(range(6))
    assert floor == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 8])
def test_sets_have_the_sources_as_floor_and_halves_as_ceiling(run, registered, batch_size):
    pairs, seen = SyntheticFacades(7, 32), []
    result = evaluate(
        run,
        pairs,
        metrics=["brightness_of_this_test", "l1"],
        batch_size=batch_size,
        show=lambda index, row, images: seen.append(index),
    )
    score = result.scores["brightness"]
    sources, targets = (images_of(pairs, k).mean((1, 2, 3)).numpy() for k in ("source", "target"))
    ordered = targets[seen][:6]
    assert score["floor"] == pytest.approx(abs(sources.mean() - targets.mean()), abs=1e-6)
    assert score["ceiling"] == pytest.approx(
        abs(ordered[::2].mean() - ordered[1::2].mean()), abs=1e-6
    )
    assert math.isnan(score["error"])
    assert "brightness" not in result.rows[0]


def test_other_metrics_and_the_state_of_the_process_change_nothing(run, registered):
    pairs = SyntheticFacades(5, 32)
    before = torch.get_rng_state()
    first = evaluate(run, pairs, metrics=["l1"], batch_size=2)
    torch.rand(7)
    both = evaluate(run, pairs, metrics=["brightness_of_this_test", "l1"], batch_size=2)
    assert first.rows == both.rows
    torch.set_rng_state(before)
    evaluate(run, pairs, metrics=["l1"], mode="sample")
    assert torch.equal(before, torch.get_rng_state())


def test_the_label_score_reads_the_outputs_and_has_a_floor_and_a_ceiling(
    run, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANBLOCKS_CACHE", str(tmp_path))
    pairs, train, shown = SyntheticFacades(5, 32), SyntheticFacades(4, 32, seed=1), []
    monkeypatch.setattr(label_score, "train_segmenter", partial(train_segmenter, steps=3))
    result = evaluate(
        run,
        pairs,
        metrics=["l1", "label"],
        train=train,
        batch_size=2,
        device="cpu",
        show=lambda index, row, images: shown.append(images),
    )
    images = {key: torch.stack([x[key] for x in shown]) for key in shown[0]}
    sources, targets = images["source"], images["target"]
    segmenter = Segmenter.load(next(tmp_path.iterdir()))
    cases = {
        "value": (images["output"], sources),
        "floor": (targets[:-1], sources[1:]),
        "ceiling": (targets, sources),
    }
    for name in ("pixel_accuracy", "class_accuracy", "mean_iou"):
        for key, (photos, labels) in cases.items():
            metric = METRICS.build(name, segmenter=segmenter)
            metric.update(photos, photos, labels)
            assert result.scores[name][key] == pytest.approx(metric.compute().value)
        assert result.scores[name]["better"] == "higher"
    each = [row["pixel_accuracy"] for row in result.rows]
    assert result.scores["pixel_accuracy"]["value"] == pytest.approx(np.mean(each))
    assert "mean_iou" not in result.rows[0]


def test_the_segmenter_never_learns_from_scored_pairs(run, tmp_path):
    pairs = SyntheticFacades(5, 32)
    with pytest.raises(OptionError, match="needs train, pairs that are not scored"):
        evaluate(run, pairs, metrics=["mean_iou"])
    for train in (pairs, SyntheticFacades(5, 32)):
        with pytest.raises(DataError, match="train has pairs that are scored: .* Hold out pairs"):
            evaluate(run, pairs, metrics=["label"], train=train)
    for number in range(3):
        Image.new("RGB", (64, 32)).save(tmp_path / f"{number}.png")
    whole, part = (
        PairedImageDataset(tmp_path, split=split, **options)
        for split, options in ((None, {}), ("val", {"held_out": 0.4}))
    )
    with pytest.raises(DataError, match="train has pairs that are scored"):
        evaluate(run, part, metrics=["label"], train=whole)


def test_one_picture_has_no_floor_and_a_limit_is_spread_evenly(run):
    one = evaluate(run, SyntheticFacades(6, 32), metrics=["l1"], limit=1)
    assert math.isnan(one.scores["l1"]["floor"])
    assert math.isnan(one.scores["l1"]["error"])
    with pytest.raises(DataError, match="no score can be computed:\nkid_lite0 has 1 image, but"):
        evaluate(run, SyntheticFacades(6, 32), metrics=["kid"], limit=1)
    some = evaluate(run, SyntheticFacades(6, 32), metrics=["l1"], limit=3)
    names = [SyntheticFacades(6, 32)[index]["name"] for index in (0, 2, 4)]
    assert [row["name"] for row in some.rows] == names


def test_pictures_of_several_sizes_are_scored_one_by_one(run, tmp_path):
    for number, size in enumerate([16, 24, 24, 40]):
        pixels = RNG.integers(0, 256, (size, 2 * size, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    result = evaluate(run, PairedImageDataset(tmp_path), metrics=["l1", "psnr"])
    assert result.scores["l1"]["count"] == 4
    assert 0 < result.scores["l1"]["floor"] < 2


def test_what_cannot_be_scored_says_so(run, tmp_path):
    pairs = SyntheticFacades(2, 32)
    with pytest.raises(OptionError, match="metrics has 'l1' twice"):
        evaluate(run, pairs, metrics=["l1", "l1"])
    with pytest.raises(OptionError, match="limit is 0"):
        evaluate(run, pairs, limit=0)
    with pytest.raises(RunError, match="no network 'generator_ab'"):
        evaluate(run, pairs, network="generator_ab")
    with pytest.raises(DataError, match="no image formats for the network 'discriminator'"):
        pairs_options(run, "discriminator")
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    with pytest.raises(DataError, match="no pair can be read"):
        evaluate(run, PairedImageDataset(tmp_path), metrics=["l1"])
    gray = train(tmp_path / "gray", Gray(2, 32))
    with pytest.raises(ShapeError, match=r"l1 .*\(2, 1, 32, 32\)"):
        evaluate(gray, pairs, metrics=["l1"])


class Gray(SyntheticFacades):
    """Facades whose targets are gray."""

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "target": sample["target"][:1]}


def save_pairs(folder, kind):
    """Writes six pairs: 16-bit gray PNGs, or arrays of 5 and 2 channels."""
    for side, channels in (("a", 5), ("b", 2)):
        (folder / side).mkdir(parents=True)
        for number in range(6):
            path = folder / side / f"{number}"
            if kind == "gray":
                values = RNG.integers(0, 65536, (20, 24), np.uint16)
                Image.fromarray(values).save(path.with_suffix(".png"))
            else:
                values = RNG.integers(0, 65536, (20, 24, channels), np.uint16)
                np.save(path.with_suffix(".npy"), values)
    return folder


@pytest.mark.parametrize(("kind", "channels"), [("gray", (1, 1)), ("arrays", (5, 2))])
def test_gray_pairs_and_arrays_go_through_train_and_evaluate(tmp_path, kind, channels):
    folder = save_pairs(tmp_path / "pairs", kind)
    transform = PairTransform(20, 16)
    train(tmp_path / "run", PairedImageDataset(folder, held_out=0.5, transform=transform))
    options = pairs_options(tmp_path / "run")
    pairs = PairedImageDataset(folder, split="val", **options)
    sample = pairs[0]
    assert len(pairs) == 3
    assert (sample["source"].shape, sample["target"].shape) == tuple((c, 16, 16) for c in channels)
    result = evaluate(tmp_path / "run", pairs)
    assert sorted(result.scores) == ["l1", "psnr", "ssim"]
    assert all(0 < row["l1"] < 2 for row in result.rows)


def test_pairs_are_read_as_those_of_the_run(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    for number in range(6):
        for side in ("HE", "IHC"):
            pixels = RNG.integers(0, 256, (20, 30, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}_{side}.png")
    pairs = PairedImageDataset(
        folder,
        a="*_HE.png",
        b="*_IHC.png",
        held_out=0.3,
        direction="b2a",
        transform=PairTransform(24, (16, 24), resize="cover"),
    )
    run = train(tmp_path / "run", pairs, steps=1)
    options = pairs_options(run)
    assert options["transform"] == PairTransform(
        (16, 24), (16, 24), resize="cover", random=False, mirror=True
    )
    again = PairedImageDataset(folder, split="val", **options)
    assert (again.direction, len(again), again.pairs[0].a[0].name[2:]) == ("b2a", 2, "HE.png")
    assert (again.a_format, again.b_format) == (pairs.a_format, pairs.b_format)
    stored = json.loads((run / "spec.json").read_text())["pictures"]["generator"]
    del stored["direction"], stored["reading"]  # as runs of before have them
    spec = json.loads((run / "spec.json").read_text())
    spec["pictures"]["generator"] = stored
    RunFolder(run).write_spec(spec)
    assert pairs_options(run)["direction"] == "b2a"
