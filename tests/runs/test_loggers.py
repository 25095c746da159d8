"""What the loggers write is read back, by TensorBoard's own reader where it is for TensorBoard."""

import csv
import json
import math
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

from ganblocks.errors import GanBlocksWarning, OptionError, RunError
from ganblocks.runs.csv_logger import CsvLogger
from ganblocks.runs.loggers import JsonLinesLogger, Logger
from ganblocks.runs.tensorboard import TensorBoardLogger, tag_of

GRID = torch.arange(3 * 4 * 5, dtype=torch.uint8).view(3, 4, 5)


def age(folder):
    """Makes event files of before older: those of one second are read in the order of a count."""
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        words = path.name.split(".")
        words[3] = f"{int(words[3]) - 100:010d}"
        path.rename(path.with_name(".".join(words)))


def csv_logger(folder, **options):
    return CsvLogger(folder / "metrics.csv", **options)


def json_logger(folder, **options):
    return JsonLinesLogger(folder / "metrics.jsonl", **options)


def tensorboard_logger(folder, **options):
    age(folder)
    return TensorBoardLogger(folder, **options)


def csv_steps(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [(int(row["step"]), float(row["loss_d"])) for row in csv.DictReader(file)]


def json_rows(folder):
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def json_steps(folder):
    return [(row["step"], row["loss_d"]) for row in json_rows(folder)]


def events(folder):
    return EventAccumulator(str(folder), size_guidance={IMAGES: 0}).Reload()


def tensorboard_steps(folder):
    read = events(folder)
    tags = read.Tags()["scalars"]
    return [(s.step, s.value) for s in read.Scalars("losses/loss_d")] if tags else []


LOGGERS = [
    pytest.param(csv_logger, csv_steps, id="csv"),
    pytest.param(json_logger, json_steps, id="json"),
    pytest.param(tensorboard_logger, tensorboard_steps, id="tensorboard"),
]


def write(logger, steps, value):
    for step in steps:
        logger.log({"step": step, "loss_d": value})
        logger.log_image(step, GRID)
    logger.close()


@pytest.mark.parametrize(("make", "read"), LOGGERS)
def test_a_resumed_log_has_no_gap_and_no_repeat(tmp_path, make, read):
    write(make(tmp_path), range(1, 8), 0.5)
    write(make(tmp_path, resumed_at=5), range(6, 8), 0.25)
    assert read(tmp_path) == [*((step, 0.5) for step in range(1, 6)), (6, 0.25), (7, 0.25)]


@pytest.mark.parametrize(("make", "read"), LOGGERS)
def test_a_run_stopped_right_after_its_checkpoint_goes_on_behind_it(tmp_path, make, read):
    write(make(tmp_path), [1, 2], 0.5)
    write(make(tmp_path, resumed_at=2), [3], 0.25)
    assert read(tmp_path) == [(1, 0.5), (2, 0.5), (3, 0.25)]


@pytest.mark.parametrize(("make", "read"), LOGGERS)
def test_a_fresh_log_forgets_an_old_one(tmp_path, make, read):
    write(make(tmp_path), [1, 2, 3], 0.5)
    write(make(tmp_path), [1], 0.25)
    assert read(tmp_path) == [(1, 0.25)]


@pytest.mark.parametrize(("make", "read"), LOGGERS)
def test_a_row_can_be_read_before_the_next_step(tmp_path, make, read):
    logger = make(tmp_path)
    for step in (1, 2):
        logger.log({"step": step, "loss_d": 0.5})
        assert read(tmp_path)[-1] == (step, 0.5)
    logger.close()


@pytest.mark.parametrize(("make", "read"), LOGGERS)
def test_all_have_the_three_methods(tmp_path, make, read):
    logger = make(tmp_path)
    assert isinstance(logger, Logger)
    logger.close()
    assert not isinstance(object(), Logger)


@pytest.mark.parametrize("make", [csv_logger, json_logger])
def test_a_log_without_its_beginning_is_warned_of(tmp_path, make):
    with pytest.warns(GanBlocksWarning, match="starts after step 7"):
        make(tmp_path, resumed_at=7).close()


def test_what_a_crash_left_of_a_line_is_gone(tmp_path):
    write(json_logger(tmp_path), [1, 2, 3], 0.5)
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'[3]\n{"loss_d": 1}\n{"step": "2"}\n\n\xff\n{"step": 3, "loss')
    write(json_logger(tmp_path, resumed_at=3), [4], 0.25)
    assert json_steps(tmp_path) == [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.25)]


def test_a_new_column_of_a_resumed_log_keeps_the_rows_of_before(tmp_path):
    write(csv_logger(tmp_path), [1, 2, 3], 0.5)
    logger = csv_logger(tmp_path, resumed_at=2)
    logger.log({"step": 3, "loss_g": 1.5})
    logger.log({"step": 4, "loss_g": 2.5, "loss_d": 0.25})
    logger.close()
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines == ["step,loss_d,loss_g", "1,0.5,", "2,0.5,", "3,,1.5", "4,0.25,2.5"]


number = st.floats(allow_nan=True, allow_infinity=True) | st.integers()


@given(values=st.dictionaries(st.text(), number, max_size=4))
def test_json_lines_hold_every_number_as_valid_json(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("log")
    row = {**values, "step": 1}
    for resumed_at in (0, 1):  # and again after they were read and written back
        logger = json_logger(folder, resumed_at=resumed_at)
        if not resumed_at:
            logger.log(row)
        logger.close()
        lines = (folder / "metrics.jsonl").read_bytes().split(b"\n")
        assert len(lines) == 2
        read = json.loads(lines[0], parse_constant=pytest.fail)
        assert read.keys() == row.keys()
        for name, value in row.items():
            back = float(read[name]) if isinstance(value, float) else read[name]
            assert back == value or (math.isnan(value) and math.isnan(back))


def test_infinities_are_spelt_as_javascript_does(tmp_path):
    logger = json_logger(tmp_path)
    logger.log({"step": 1, "a": math.nan, "b": math.inf, "c": -math.inf, "note": "text"})
    logger.close()
    expected = {"step": 1, "a": "NaN", "b": "Infinity", "c": "-Infinity", "note": "text"}
    assert json_rows(tmp_path) == [expected]


def test_tensorboard_groups_scalars_by_their_names(tmp_path):
    row = {"step": 3, "epoch": 1, "d_real": 1.5, "loss_d": 0.5, "loss_g_l1": math.nan}
    row |= {"grad_norm_g": 2, "lr_g": 2e-4, "mine/score": 4.0}
    logger = TensorBoardLogger(str(tmp_path))
    logger.log(row)
    logger.close()
    read = events(tmp_path)
    expected = {
        "training/epoch": 1,
        "discriminator/d_real": 1.5,
        "losses/loss_d": 0.5,
        "losses/loss_g_l1": math.nan,
        "gradients/grad_norm_g": 2,
        "training/lr_g": 2e-4,
        "mine/score": 4.0,
    }
    assert set(read.Tags()["scalars"]) == set(expected)
    for tag, value in expected.items():
        [scalar] = read.Scalars(tag)
        assert scalar.step == 3
        assert scalar.value == pytest.approx(value, nan_ok=True)
    assert tag_of("d_accuracy") == "discriminator/d_accuracy"


def test_tensorboard_shows_the_grids_pixel_for_pixel(tmp_path):
    logger = TensorBoardLogger(tmp_path)
    logger.log_image(2, GRID)
    logger.log_image(4, 255 - GRID)
    logger.close()
    age(tmp_path)
    logger = TensorBoardLogger(tmp_path, resumed_at=2)  # the second one will come again
    logger.log_image(4, GRID)
    logger.close()
    shown = events(tmp_path).Images("samples")
    assert [image.step for image in shown] == [2, 4]
    for image in shown:
        picture = Image.open(BytesIO(image.encoded_image_string))
        np.testing.assert_array_equal(picture, GRID.permute(1, 2, 0))


def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(torch.utils, "tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(OptionError, match=r'pip install "ganblocks\[tensorboard\]"'):
        TensorBoardLogger(tmp_path)


@pytest.mark.parametrize("make", [csv_logger, json_logger, tensorboard_logger])
def test_a_place_that_cannot_be_written_is_named(tmp_path, make):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*file"):
        make(tmp_path / "file")


@pytest.mark.slow
def test_importing_the_loggers_does_not_import_tensorboard():
    code = "import sys, ganblocks.runs.tensorboard; print('tensorboard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
