"""Runs of others: mutated specs and folders, through the library and the commands."""

import json
import os
from dataclasses import dataclass

import numpy as np
import pytest
from mutators import bounded, deep, mutated, mutated_bytes, tried
from PIL import Image

from ganblocks import PairedImageDataset, PairedTranslation, RunFolder, TrainOptions, fit, load
from ganblocks.__main__ import main
from ganblocks.cli import read_flags
from ganblocks.data import PairTransform
from ganblocks.errors import GanBlocksError
from ganblocks.inference.evaluation import pairs_options
from ganblocks.report import write_card, write_report
from ganblocks.training import option


@dataclass(frozen=True)
class Recipe(TrainOptions):
    out: str = option("run", "the run's folder")
    resume: bool = option(False, "resume", may_change=True)


@pytest.fixture
def run(tmp_path):
    """A run of one step, with its pictures; its options are those of a recipe."""
    draw = np.random.default_rng(0)
    for side in "ab":
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(2):
            values = draw.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(values).save(tmp_path / "pairs" / side / f"{number}.png")
    data = PairedImageDataset(tmp_path / "pairs", transform=PairTransform(16, 16))
    task = PairedTranslation(
        {"type": "unet", "base_channels": 2, "num_downs": 2},
        {"type": "pixel", "in_channels": 6, "base_channels": 2},
        {"terms": {"l1": "l1"}},
    )
    options = TrainOptions(steps=1, progress=False, ema=0.9, device="cpu")
    run = RunFolder(tmp_path / "run")
    fit(task, data, data, run, options)
    recipe = {**options.to_dict(), "out": str(run.path), "resume": False}
    run.write_spec({**run.spec, "options": recipe})
    return run


def uses(run, tmp_path):
    """Everything that reads a run."""
    return [
        lambda: load(run.path),
        lambda: load(run.path, weights="last", network="discriminator"),
        lambda: load(run.path, weights="average"),
        lambda: pairs_options(run.path),
        lambda: read_flags(Recipe, None, ["--out", str(run.path), "--resume"]),
        lambda: write_report(run.path),
        lambda: write_card(run.path),
        lambda: main(
            ["translate", str(run.path), str(tmp_path / "pairs/a"), "--out", str(tmp_path / "out")]
        ),
    ]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mutated_specs(run, tmp_path, capsys, count):
    path, good = run.path / "spec.json", run.spec
    parts = ("networks", "pictures", "options")

    def attempt(rng):
        spec = mutated(good, rng)
        if rng.random() < 0.8:
            part = rng.choice(parts)
            spec = {**good, part: mutated(good[part], rng)}
        path.write_text(json.dumps(spec))
        rng.choice(uses(run, tmp_path))()

    assert tried(range(count), attempt)["refused"] > count / 10


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mutated_folders(run, tmp_path, capsys, count):
    names = ["spec.json", "state.pt", "generator.safetensors", "metrics.csv"]
    good = {run.path / name: (run.path / name).read_bytes() for name in names}

    def attempt(rng):
        for path, content in good.items():
            path.unlink(missing_ok=True)
            path.write_bytes(content)
        path = rng.choice(list(good))
        path.write_bytes(mutated_bytes(good[path], rng))
        rng.choice(uses(run, tmp_path))()

    assert tried(range(count), attempt)["refused"] > count / 10


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["spec.json", "state.pt", "generator.safetensors"])
def test_what_is_no_file_is_not_opened(run, tmp_path, name, make):
    (run.path / name).unlink()
    make(run.path / name)
    use = uses(run, tmp_path)[1 if name == "state.pt" else 0]
    with bounded(), pytest.raises(GanBlocksError):
        use()


def changed(run, *keys, value):
    spec = run.spec
    inner = spec
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (run.path / "spec.json").write_text(json.dumps(spec))


GENERATOR = ("networks", "generator")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("networks",), None, "networks in .* is of type NoneType: it must be an object"),
        (("networks",), 5, "networks in .* is of type int"),
        (("pictures",), [], "pictures in .* is of type list"),
        (GENERATOR, None, "has no spec"),
        ((*GENERATOR, "base_channels"), 10**5, "from a different model"),
        ((*GENERATOR, "base_channels"), 10**20, "cannot be built|at most"),
        ((*GENERATOR, "num_downs"), 10**4, "num_downs is 10000: .* at most 24"),
        ((*GENERATOR, "num_downs"), 12, "from a different model"),
        ((*GENERATOR, "dialect"), [[]], "could not build|cannot be built"),
        (("pictures", "generator"), 5, "pictures are 5: write an object"),
        (("pictures", "generator"), {"size": None}, "pictures lack 'input'"),
        (("pictures", "generator", "size"), [10**6, 10**6], "at most"),
        (("pictures", "generator", "size"), 10**20, "at most"),
    ],
)
def test_a_spec_is_refused_before_memory_is_taken(run, keys, value, message):
    changed(run, *keys, value=value)
    with bounded(megabytes=200), pytest.raises(GanBlocksError, match=message):
        load(run.path)


def test_the_name_of_a_network_is_its_spec(run):
    changed(run, *GENERATOR, value="unet")
    with pytest.raises(GanBlocksError, match="from a different model than this UNetGenerator"):
        load(run.path)


@pytest.mark.parametrize(
    "text", [json.dumps(deep(100)), "[" * 10**5, '{"a": ' * 10**5, '{"a": NaN}', "1" * 5000, "[]"]
)
def test_a_text_that_is_no_spec_is_refused(run, tmp_path, text):
    (run.path / "spec.json").write_text(text)
    for use in uses(run, tmp_path):
        with bounded(), pytest.raises(GanBlocksError, match="spec.json"):
            use()


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("epochs", None, "epochs is None: pass a whole number"),
        ("epochs", "8", "epochs is '8': pass a whole number, without quotes"),
        ("epochs", 0, "epochs in the run's spec.json is 0"),
        ("cache", "often", "unknown cache in the run's spec.json 'often'"),
        ("progress", "no", "progress is 'no': pass True or False"),
        ("steps", None, ""),
    ],
)
def test_stored_flags_are_checked_like_typed_ones(run, flag, value, message):
    changed(run, "options", flag, value=value)
    arguments = ["--out", str(run.path), "--resume"]
    if not message:
        assert getattr(read_flags(Recipe, None, arguments), flag) is value
        return
    with pytest.raises(GanBlocksError, match=message):
        read_flags(Recipe, None, arguments)
