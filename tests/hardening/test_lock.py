"""One process at a time trains in a folder, and the second one is told of the first."""

import errno
import fcntl
import os
import signal
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from tiny import Stripes
from trained import rows, train

from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.runs.lock import run_lock


@contextmanager
def held(folder, *, worker=False):
    """Holds the lock of a folder in a process with or without a worker, and kills it at the end."""
    ours, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        with run_lock(folder):
            if not worker or os.fork() == 0:
                os.write(its, os.getpid().to_bytes(4, "big"))
            signal.pause()
    ready = int.from_bytes(os.read(ours, 4), "big")
    os.close(ours)
    os.close(its)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if worker:
        assert ready != pid  # and it lives
        with run_lock(folder):
            os.kill(ready, signal.SIGKILL)


def test_the_second_is_told_who_holds_it_and_changes_nothing(tmp_path):
    run, _ = train(tmp_path / "run", steps=2)
    before = {x: x.read_bytes() for x in run.path.glob("*.*") if x.is_file()}
    with held(run.path) as pid:
        with pytest.raises(RunError, match=rf"in use by process {pid} on .*, since \d{{4}}-"):
            train(run.path, steps=4)
        before.pop(run.path / ".lock", None)
        assert {x: x.read_bytes() for x in before} == before
    train(run.path, steps=4)  # a lock of the dead is taken over
    assert [row["step"] for row in rows(run)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_each_system_s_lock_refuses_and_its_text_can_be_read(tmp_path, monkeypatch, platform):
    """Windows by a stand-in: what it locks is the byte at the file's position, as there."""

    def locking(descriptor, mode, count):
        assert mode == "not waiting"
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 0, os.SEEK_CUR)

    stand_in = SimpleNamespace(locking=locking, LK_NBLCK="not waiting")
    monkeypatch.setitem(sys.modules, "msvcrt", stand_in)
    monkeypatch.setattr("ganblocks.runs.lock.sys", SimpleNamespace(platform=platform))
    with held(tmp_path) as pid, pytest.raises(RunError, match=f"by process {pid} on "):
        run_lock(tmp_path).__enter__()
    with run_lock(tmp_path), (tmp_path / ".lock").open("rb") as file:
        assert file.read().startswith(b"process %d on " % os.getpid())
        assert file.tell() < 2**30


def test_workers_of_a_killed_training_do_not_hold_its_lock(tmp_path):
    with held(tmp_path, worker=True):
        pass


def test_a_training_holds_its_lock_until_its_end(tmp_path):
    class Tries(Stripes):
        tried = 0

        def read(self, epoch, index):
            if (tmp_path / "run" / "metrics.csv").exists():
                Tries.tried += 1
                with pytest.raises(RunError, match="which is this one"), run_lock(tmp_path / "run"):
                    pass
            return super().read(epoch, index)

    train(tmp_path / "run", train_set=Tries(), steps=2)
    assert Tries.tried
    with run_lock(tmp_path / "run"):
        pass


def test_a_refused_start_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path):
        raise ZeroDivisionError
    with run_lock(tmp_path):
        pass


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.warns(GanBlocksWarning, match="cannot be locked .No locks"), run_lock(tmp_path):
        pass


def test_a_place_that_cannot_be_locked_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="a file has the name"), run_lock(tmp_path / "file" / "run"):
        pass
