"""Schedule, order of batches, log, precision and devices."""

import csv
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import Stripes

from ganblocks import DataError, GanBlocksWarning, OptionError, resolve_device, resolve_precision
from ganblocks.training.batches import BatchOrder, load_batches, steps_per_epoch
from ganblocks.training.metrics_log import COLUMNS, MetricsLog
from ganblocks.training.precision import autocast
from ganblocks.training.schedule import linear_decay


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


@settings(deadline=None)
@given(
    length=st.integers(1, 20),
    batch_size=st.integers(1, 6),
    start=st.integers(0, 40),
    seed=st.integers(0, 3),
)
def test_the_order_from_any_step_is_the_rest_of_the_order(length, batch_size, start, seed):
    whole = list(islice(BatchOrder(length, batch_size, seed=seed), start + 5))
    rest = list(islice(BatchOrder(length, batch_size, seed=seed, start=start), 5))
    assert rest == whole[start:]
    per_epoch = steps_per_epoch(length, batch_size)
    first = [pair for batch in whole[:per_epoch] for pair in batch]
    assert len(set(first)) == len(first)  # no pair twice in an epoch
    assert all(epoch == 0 and 0 <= index < length for epoch, index in first)


def test_epochs_are_shuffled_differently():
    order = list(islice(BatchOrder(50, 50, seed=0), 2))
    assert [i for _, i in order[0]] != [i for _, i in order[1]]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_read_the_same_batches(workers):
    batches = load_batches(
        Stripes(), batch_size=2, seed=0, start=4, workers=workers, device=torch.device("cpu")
    )
    dataset, order = Stripes(), BatchOrder(6, 2, seed=0, start=4)
    for batch, keys in zip(islice(batches, 4), order):
        assert torch.equal(batch["a"], torch.stack([dataset[key]["a"] for key in keys]))
    batches.close()


class Broken(Stripes):
    def read(self, epoch, index):
        raise DataError("7.jpg: cannot be read; replace or remove it")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_picture_is_one_line_from_a_worker_too(workers):
    batches = load_batches(
        Broken(), batch_size=1, seed=0, start=0, workers=workers, device=torch.device("cpu")
    )
    with pytest.raises(DataError) as caught:
        next(batches)
    assert str(caught.value) == "7.jpg: cannot be read; replace or remove it"


def row(step):
    return dict.fromkeys(COLUMNS, step)


def read(path):
    with path.open(newline="") as file:
        return [int(line["step"]) for line in csv.DictReader(file)]


def test_a_resumed_log_has_no_gap_and_no_repeat(tmp_path):
    path = tmp_path / "metrics.csv"
    log = MetricsLog(path, COLUMNS)
    for step in range(1, 8):
        log.write(row(step))
    log.close()
    with path.open("a") as file:
        file.write("x,,,,,,,,\n8,0,0.1")  # no number, and cut short by a crash
    log = MetricsLog(path, COLUMNS, resumed_at=5)
    log.write(row(6))
    log.close()
    assert read(path) == [1, 2, 3, 4, 5, 6]


def test_a_fresh_log_forgets_an_old_one(tmp_path):
    path = tmp_path / "metrics.csv"
    for steps in ([1], []):
        log = MetricsLog(path, COLUMNS)
        for step in steps:
            log.write(row(step))
        log.close()
    assert read(path) == []
    assert path.read_text().strip() == ",".join(COLUMNS)


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
    with pytest.raises(OptionError, match="unknown precision"):
        autocast(name, torch.device("cpu"))


def test_precision_auto_is_bf16_only_where_it_is_native(monkeypatch):
    cpu = torch.device("cpu")
    for native, expected in [(True, "bf16"), (False, "fp32")]:
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda n=native: {"avx512_bf16": n}, raising=False
        )
        assert resolve_precision("auto", cpu) == expected
        assert resolve_precision("fp32", cpu) == "fp32"
    with pytest.warns(GanBlocksWarning, match="--precision auto"):
        assert resolve_precision("bf16", cpu) == "bf16"
    with pytest.raises(OptionError, match="'auto', 'bf16', 'fp32'"):
        resolve_precision("fp8", cpu)
