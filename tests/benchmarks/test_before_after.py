"""The comparison of two checkouts knows both steps, and never runs them at the same time."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from before_after import ask, compare, interval, start, times

pytestmark = pytest.mark.slow


ROOT = Path(__file__).parents[2]
TINY = (32, 4, 3, 1, "fp32")

TORCH = """
class Tensor:
    def __init__(self, *shape):
        self.shape = shape
    __mul__ = __sub__ = lambda self, other: self
    def __iter__(self):
        return iter([Tensor(*self.shape[1:])] * self.shape[0])
    def numpy(self):
        return memoryview(bytes(self.shape))

def rand(*shape):
    return Tensor(*shape)

def manual_seed(seed):
    pass
"""

CHECKOUT = """
import time
from pathlib import Path
import torch

LOG = Path(__file__).parents[2] / "log"

class UNetGenerator:
    def __init__(self, in_channels=3, **size):
        self.kept = b"x" * (MIB << 20)

    def state_dict(self):
        return {"weight": torch.Tensor(WEIGHT)}

PatchDiscriminator = UNetGenerator

def Objective(terms):
    return terms

def step_of(which, source, target, precision, objective):
    with LOG.open("a") as file:
        print(which, "begins", source.shape, target.shape, precision, *objective, file=file)
        time.sleep(SECONDS)
        print(which, "ends", file=file)
"""

BEFORE = """
SECONDS, MIB, WEIGHT = 0.01, 20, 1

class TrainState:
    def __init__(self, generator, discriminator):
        pass

def train_step(state, source, target, objective, *, precision):
    step_of("before", source, target, precision, objective)
"""

AFTER = """
SECONDS, MIB, WEIGHT = 0.04, 20, 1

def PairedTranslation(generator, discriminator, objective):
    return objective

class Updater:
    def __init__(self, task, *, precision):
        self.task, self.precision = task, precision

    def step(self, batch):
        step_of("after", batch["source"], batch["target"], self.precision, self.task)
"""


@pytest.fixture
def checkouts(tmp_path):
    for name, source in [("before", BEFORE), ("after", AFTER)]:
        (tmp_path / name / "ganblocks").mkdir(parents=True)
        (tmp_path / name / "ganblocks" / "__init__.py").write_text(CHECKOUT + source)
        (tmp_path / name / "torch.py").write_text(TORCH)
    return [tmp_path / "before", tmp_path / "after"]


def test_blocks_take_turns_in_either_order_and_do_the_same(checkouts, tmp_path):
    found = times(checkouts, TINY, pairs=4, block=0.02)
    assert len(found) == 4
    assert all(before < after for before, after in found)
    lines = (tmp_path / "log").read_text().splitlines()
    begins, ends = lines[::2], lines[1::2]  # none begins before another has ended
    assert [line.split()[:2] for line in ends] == [[b.split()[0], "ends"] for b in begins]
    assert {line.partition(" begins ")[2] for line in begins} == {
        "(1, 3, 32, 32) (1, 3, 32, 32) fp32 gan l1"
    }
    order = [line.split()[0] for line in begins]
    assert order[:7] == [*["before"] * 3, *["after"] * 3, "before"]  # to warm up, and to time one
    steps = (len(order) - 7) // 8
    first, second = ["before"] * steps, ["after"] * steps
    assert order[7:] == 2 * [*first, *second, *second, *first]


def test_what_is_slower_larger_or_other_work_is_noticed(checkouts, capsys):
    assert not compare(checkouts, TINY, pairs=3, block=0.0)
    text = capsys.readouterr().out
    assert "3 pairs, the same weights" in text
    assert float(text.split("time × ")[1].split(",")[0]) > 2
    assert float(text.split("peak × ")[1].split()[0]) == pytest.approx(1, abs=0.02)
    assert compare(checkouts[::-1], TINY, pairs=3, block=0.0)
    source = checkouts[1] / "ganblocks" / "__init__.py"
    source.write_text(source.read_text().replace("0.04, 20, 1", "0, 40, 2"))
    capsys.readouterr()
    assert not compare(checkouts, TINY, pairs=3, block=0.0)
    text = capsys.readouterr().out
    assert "DIFFERENT weights" in text
    assert float(text.split("time × ")[1].split(",")[0]) < 1
    assert float(text.split("above the imports × ")[1].split()[0]) == pytest.approx(2, abs=0.1)


def test_this_checkout_runs():
    process = start(ROOT, TINY)
    assert ask(process, 2) > 0
    peak, own, digest = ask(process, 0)
    assert 0 < own < peak
    assert len(digest) == 64


def test_folder_without_a_checkout_is_refused(tmp_path, capfd):
    with start(tmp_path, TINY) as process, pytest.raises(SystemExit, match="failed"):
        ask(process, 1)
    assert "is not a checkout" in capfd.readouterr().err


def test_interval_is_that_of_the_median():
    ratios = [1 + k / 100 for k in range(20)]
    low, high = interval(ratios)
    # Order statistics give the exact one: from the 6th to the 15th of 20 (David and Nagaraja).
    assert low == pytest.approx(ratios[5], abs=0.015)
    assert high == pytest.approx(ratios[14], abs=0.015)
    assert interval([1.0] * 5) == (1.0, 1.0)
