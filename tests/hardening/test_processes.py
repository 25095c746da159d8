"""Workers that are killed, memory that runs out, and signals: a checkpoint first, then one line."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from tiny import Stripes, assert_equal, tiny_task
from torch.utils.data import get_worker_info
from trained import train

from ganblocks import RunFolder
from ganblocks.errors import DataError, OptionError, RunError


class Fails(Stripes):
    """Pairs of which one cannot be read, in the second epoch, until it is there again."""

    there = False

    def fail(self):
        raise DataError("gone.png: the file is missing")

    def read(self, epoch, index):
        if (epoch, index) == (1, 3) and not self.there:
            self.fail()
        return super().read(epoch, index)


class Kills(Fails):
    """Pairs of which one needs so much memory that the system kills the worker."""

    def fail(self):
        if get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("kind", "workers", "error", "told"),
    [
        (Fails, 0, DataError, "gone.png: the file is missing"),
        (Fails, 1, DataError, "gone.png: the file is missing"),
        (Kills, 1, RunError, "a process that reads data has ended, .*fewer than workers=1"),
    ],
)
def test_what_cannot_be_read_ends_with_a_checkpoint(tmp_path, kind, workers, error, told):
    data = kind()
    with pytest.raises(error, match=told) as raised:
        train(tmp_path / "run", train_set=data, workers=workers, steps=14)
    assert "\n" not in str(raised.value)
    assert 6 <= RunFolder(tmp_path / "run").load_state()["step"] < 12
    data.there = True
    _, resumed = train(tmp_path / "run", train_set=data, workers=workers, steps=14)
    _, whole = train(tmp_path / "whole", train_set=data, steps=14)
    assert_equal(resumed.state_dict(), whole.state_dict())


def test_a_first_batch_that_cannot_be_read_leaves_no_checkpoint(tmp_path):
    class First(Stripes):
        def read(self, epoch, index):
            if (tmp_path / "run" / "metrics.csv").exists():
                raise DataError("gone.png: the file is missing")
            return super().read(epoch, index)

    with pytest.raises(DataError, match="gone.png"):
        train(tmp_path / "run", train_set=First())
    assert not RunFolder(tmp_path / "run").has_state


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
        ),
        MemoryError(),
    ],
    ids=["gpu", "host", "python"],
)
def test_memory_that_runs_out_names_what_saves_it(tmp_path, error, monkeypatch):
    task = tiny_task()
    run, _ = train(tmp_path / "run", task, steps=2)
    before = (run.path / "state.pt").read_bytes()

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch.optim.Adam, "step", fail)
    with pytest.raises(OptionError, match="batch_size=1 in 1 part: .*`accumulate`.*checkpointing"):
        train(run.path, tiny_task(), steps=4)
    assert (run.path / "state.pt").read_bytes() == before


def test_another_error_stays_as_it_is(tmp_path):
    class Other(Stripes):
        def read(self, epoch, index):
            raise RuntimeError("another")

    with pytest.raises(RuntimeError, match="^another$"):
        train(tmp_path / "run", train_set=Other())


def test_an_error_of_a_worker_is_not_its_end(tmp_path):
    class Other(Fails):
        def fail(self):
            raise RuntimeError("another")

    with pytest.raises(RuntimeError, match="Caught RuntimeError in DataLoader worker process 0"):
        train(tmp_path / "run", train_set=Other(), workers=1)


@pytest.mark.parametrize(
    "module", ["torch", pytest.param("ganblocks.commands.listing", marks=pytest.mark.slow)]
)
def test_an_interrupt_while_importing_is_no_traceback(module):
    code = f"""
import runpy, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
runpy.run_module("ganblocks", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (130, "", "")
