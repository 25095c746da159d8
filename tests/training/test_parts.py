"""Schedule, log, precision and devices."""

import csv

import pytest
import torch
from hypothesis import given, strategies as st

from ganblocks.errors import GanBlocksWarning, OptionError
from ganblocks.runs.csv_logger import CsvLogger
from ganblocks.training import resolve_device, resolve_precision
from ganblocks.training.precision import autocast, preferred_memory_format
from ganblocks.training.schedules import linear_decay

COLUMNS = ("step", "epoch", "loss_d", "loss_g")


def test_the_schedule_is_that_of_the_port():
    """1 − max(0, epoch + 1 − 100) / 101, counted from 0: 100 epochs flat, 100 falling."""
    factors = [linear_decay(epoch, 200) for epoch in range(200)]
    assert factors[:100] == [1.0] * 100
    assert factors[100] == pytest.approx(100 / 101)
    assert factors[199] == pytest.approx(1 / 101)


@given(epochs=st.integers(1, 50))
def test_the_rate_never_rises_and_never_reaches_zero(epochs):
    factors = [linear_decay(epoch, epochs) for epoch in range(epochs)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] <= 1
    assert factors[-1] > 0


def row(step):
    return dict.fromkeys(COLUMNS, step)


def read(path):
    with path.open(newline="") as file:
        return [int(line["step"]) for line in csv.DictReader(file)]


def test_a_resumed_log_has_no_gap_and_no_repeat(tmp_path):
    path = tmp_path / "metrics.csv"
    log = CsvLogger(path)
    for step in range(1, 8):
        log.log(row(step))
    log.close()
    with path.open("a") as file:
        file.write("x,,,\n8,0,0.1")  # no number, and cut short by a crash
    log = CsvLogger(path, resumed_at=5)
    log.log(row(6))
    log.close()
    assert read(path) == [1, 2, 3, 4, 5, 6]


def test_a_fresh_log_forgets_an_old_one(tmp_path):
    path = tmp_path / "metrics.csv"
    for steps in ([1], []):
        log = CsvLogger(path)
        for step in steps:
            log.log(row(step))
        log.close()
    assert path.read_text().strip() == ",".join(COLUMNS)


def test_a_column_that_comes_later_is_added_to_the_whole_file(tmp_path):
    path = tmp_path / "metrics.csv"
    log = CsvLogger(path)
    log.log({"step": 1, "loss_d": 0.5})
    log.log({"step": 2, "loss_d": 0.25, "loss_g_gan": 1.5})
    log.close()
    log = CsvLogger(path, resumed_at=2)
    log.log({"step": 3, "val_l1": 0.75, "loss_d": 0.125})
    log.close()
    lines = ["step,loss_d,loss_g_gan,val_l1", "1,0.5,,", "2,0.25,1.5,", "3,0.125,,0.75"]
    assert path.read_text().split() == lines


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    for name, message in [
        ("gpu", "did you mean"),
        ("cuda:99", "this machine has"),
        ("cuda:x", "write .auto."),
    ]:
        with pytest.raises(OptionError, match=message):
            resolve_device(name)


@pytest.mark.parametrize("name", ["fp8", "auto"])
def test_an_unresolved_precision_is_refused(name):
    with pytest.raises(OptionError, match="unknown precision|resolve_precision"):
        autocast(name, torch.device("cpu"))


def test_precision_auto_is_bf16_only_where_it_is_native(monkeypatch):
    cpu = torch.device("cpu")
    for native, expected in [(True, "bf16"), (False, "fp32")]:
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda n=native: {"avx512_bf16": n}, raising=False
        )
        assert resolve_precision("auto", cpu) == expected
        assert resolve_precision("fp32", cpu) == "fp32"
    with pytest.warns(GanBlocksWarning, match="precision='auto'"):
        assert resolve_precision("bf16", cpu) == "bf16"
    with pytest.raises(OptionError, match="'auto', 'bf16', 'fp16', 'fp32'"):
        resolve_precision("fp8", cpu)


@pytest.mark.parametrize(
    ("capability", "expected"), [((6, 1), "fp32"), ((7, 5), "fp16"), ((9, 0), "bf16")]
)
def test_precision_auto_on_a_gpu_goes_by_its_age(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert resolve_precision("auto", torch.device("cuda")) == expected


@pytest.mark.parametrize(
    ("precision", "device", "memory_format"),
    [
        ("bf16", "cuda", torch.channels_last),
        ("fp16", "cuda", torch.channels_last),
        ("fp32", "cuda", torch.contiguous_format),
        ("bf16", "cpu", torch.contiguous_format),
    ],
)
def test_the_memory_format_is_that_of_the_tensor_cores(precision, device, memory_format):
    assert preferred_memory_format(precision, torch.device(device)) is memory_format
