"""What only reports ends no training: it is told once, and made anew where it can be."""

import errno
import io
import os
import shutil
import sys
import warnings

import pytest
import torch
from PIL import Image
from tiny import Stripes, assert_equal
from trained import rows, train

from ganblocks import RunFolder
from ganblocks.cli import _show_warning
from ganblocks.data import PairedImageDataset
from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.training import Callback, ProgressCallback, default_callbacks

OPTIONS = {"steps": 8, "sample_every": 2, "checkpoint_every": 2}


class At(Callback):
    """Does something once, after a step."""

    def __init__(self, number, action):
        self.number, self.action = number, action

    def step(self, training, batch, metrics):
        if training.step == self.number:
            self.action(training.run.path)


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def in_the_way(path):
    """Puts a folder that is not empty in the place of a file."""
    remove(path)
    (path / "inner").mkdir(parents=True)


def disturbed(path, action, loggers=()):
    """Trains, with an action after step 5; returns the run, its updater and the warnings."""
    callbacks = [At(5, action), *default_callbacks(loggers, progress=False)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run, updater = train(path, callbacks=callbacks, **OPTIONS)
    return run, updater, [str(x.message) for x in caught if x.category is GanBlocksWarning]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(tmp_path_factory.mktemp("undisturbed") / "run", **OPTIONS)


@pytest.mark.parametrize("name", ["metrics.csv", "spec.json", "samples", "health.jsonl"])
def test_what_is_removed_is_made_anew(tmp_path, name, undisturbed):
    run, updater, told = disturbed(tmp_path / "run", lambda path: remove(path / name))
    words = {"spec.json": "was deleted: writing it again", "metrics.csv": "is missing: the log"}
    assert [text.startswith(f"{run.path / name} {words.get(name)}") for text in told] == (
        [True] if name in words else []
    )
    theirs, expected = undisturbed
    assert_equal(updater.state_dict(), expected.state_dict())
    assert run.spec.keys() == theirs.spec.keys()
    assert rows(run)[-1]["step"] == "8"
    assert (run.samples / "step_000008.png").exists()
    if name != "health.jsonl":  # which is written at a finding, and missed by a resumed run
        train(run.path, steps=9)


@pytest.mark.parametrize(
    ("name", "reporter"),
    [("metrics.csv", "CsvLogger"), ("index.html", "ReportCallback"), ("samples", "the grid")],
)
def test_what_cannot_be_written_is_told_once(tmp_path, name, reporter, undisturbed):
    def action(path):
        if name == "samples":
            remove(path / name)
            (path / name).touch()
        else:
            in_the_way(path / name)

    _, updater, told = disturbed(tmp_path / "run", action)
    assert [text for text in told if text.startswith(f"{reporter} failed")] == told[:1]
    assert "training continues: cannot write" in told[0]
    assert_equal(updater.state_dict(), undisturbed[1].state_dict())


def test_scores_that_cannot_be_stored_are_told_once_and_stored_later(tmp_path, undisturbed):
    blocked = At(3, lambda path: (path / ".spec.json.partial").mkdir())
    freed = At(7, lambda path: (path / ".spec.json.partial").rmdir())
    callbacks = [blocked, freed, *default_callbacks(progress=False)]
    with pytest.warns(GanBlocksWarning, match="training continues: cannot write") as told:
        run, updater = train(tmp_path / "run", callbacks=callbacks, score_every=2, **OPTIONS)
    assert len(told) == 1  # of steps 4 and 6
    assert_equal(updater.state_dict(), undisturbed[1].state_dict())
    assert run.spec["scores"]["l1"] == pytest.approx(float(rows(run)[-1]["val_l1"]), rel=1e-3)


class Broken:
    """A logger whose service is gone."""

    def __init__(self):
        self.calls = 0

    def log(self, row):
        self.calls += 1
        raise ConnectionError("the service is gone")

    def log_image(self, step, grid):
        self.log({})

    def close(self):
        self.log({})


def test_a_logger_that_fails_is_told_once_and_asked_again(tmp_path):
    logger = Broken()
    run, _, told = disturbed(tmp_path / "run", lambda path: None, [logger])
    assert set(told) == {"Broken failed, but training continues: the service is gone"}
    assert len(told) == 1
    assert logger.calls == 8 + 4 + 1
    assert len(rows(run)) == 8


def test_the_errors_of_other_callbacks_are_raised(tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "run", callbacks=[At(2, lambda path: 1 / 0)], steps=3)


def test_a_file_that_vanishes_ends_no_cached_training(tmp_path):
    """The data are identified once: nothing reads their files again."""

    class Vanishing(Stripes):
        gone = False

        def fingerprint(self):
            if self.gone:
                raise FileNotFoundError
            return super().fingerprint()

    data = Vanishing()
    callbacks = [At(1, lambda path: setattr(data, "gone", True))]
    run, _ = train(tmp_path / "run", train_set=data, callbacks=callbacks, **OPTIONS)
    assert run.load_state()["step"] == 8


@pytest.mark.parametrize("older", [True, False])
def test_a_trained_run_without_its_checkpoint_is_not_begun_again(tmp_path, older):
    run, _ = train(tmp_path / "run", steps=6, checkpoint_every=2, keep_last=2 if older else 1)
    (run.path / "state.pt").unlink()
    before = {path: path.read_bytes() for path in run.path.glob("[!.]*.*") if path.is_file()}
    words = "'state_000004.pt', 'state_000006.pt'" if older else "restore it"
    with pytest.raises(RunError, match=f"state.pt is missing: .*{words}"):
        train(run.path, steps=6)
    assert {path: path.read_bytes() for path in before} == before
    if older:
        shutil.copyfile(run.path / "state_000004.pt", run.path / "state.pt")
        _, resumed = train(run.path, steps=6)
        _, whole = train(tmp_path / "whole", steps=6)
        assert_equal(resumed.state_dict(), whole.state_dict())


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    run.save_weights("best_generator", torch.nn.Linear(1, 1))
    train(run.path, steps=1)


def test_names_that_are_no_utf_8(tmp_path):
    """Linux allows any bytes in a name: of pictures, which identify the data, and of the run."""
    for split in ("train", "val"):
        folder = tmp_path / "pairs" / split
        folder.mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (32, 16)).save(folder / os.fsdecode(b"caf\xe9%d.png" % number))
    data, held_out = (PairedImageDataset(tmp_path / "pairs", split=s) for s in ("train", "val"))
    path = tmp_path / os.fsdecode(b"r\xe9n")
    for steps in (2, 3):
        run, updater = train(path, train_set=data, val_set=held_out, steps=steps)
    assert updater.steps == 3
    assert len(rows(run)) == 3
    assert (path / "index.html").exists()
    run.load_weights("generator", updater.inference_network("generator"))


def test_a_full_disk_below_standard_error_ends_no_training(tmp_path, monkeypatch, undisturbed):
    class Full(io.StringIO):
        full, refused = False, 0

        def write(self, text):
            if self.full:
                self.refused += 1
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    stream = Full()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = ProgressCallback()

    def fill(path):
        stream.full = True
        progress._bar.mininterval = progress._bar.miniters = 0

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _show_warning
        _, updater = train(tmp_path / "run", callbacks=[At(5, fill), progress], **OPTIONS)
    assert stream.refused > 1  # the bar, and then the warning of it
    assert_equal(updater.state_dict(), undisturbed[1].state_dict())
