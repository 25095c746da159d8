"""Faults at every write of a training: one line, the old files whole, and a resume to the bit."""

import errno
import io
import os
import re
import resource

import pytest
import torch
from fork_server import start
from PIL import Image
from safetensors.torch import load_file
from tiny import assert_equal
from trained import rows, train

from ganblocks import RunFolder
from ganblocks.errors import RunError
from ganblocks.writing import append, write_atomically

OPTIONS = {"steps": 6, "sample_every": 2, "checkpoint_every": 2, "log_every": 1, "keep_last": 2}


class Disk:
    """Lets writes of files fail from one call on, as a full disk does, until `room`."""

    def __init__(self, monkeypatch, number=errno.ENOSPC):
        self.count, self.full_from, self.number = 0, None, number
        disk = self

        class Raw(io.FileIO):
            def write(self, data):
                disk.count += 1
                if disk.full_from is not None and disk.count >= disk.full_from:
                    raise OSError(disk.number, os.strerror(disk.number))
                return super().write(data)

        def opened(path, mode="r", buffering=-1, *args, **kwargs):
            if "b" not in mode or not set(mode) & set("wa+"):
                return plain(path, mode, buffering, *args, **kwargs)
            raw = Raw(path, mode.replace("b", ""))
            return io.BufferedRandom(raw) if buffering and "+" in mode else raw

        plain = io.open
        monkeypatch.setattr(io, "open", opened)


def require_whole(run):
    for path in run.path.iterdir():
        assert not path.name.endswith(".partial"), path
        if path.suffix == ".pt":
            torch.load(path)
        elif path.suffix == ".safetensors":
            load_file(path)
    for path in run.samples.glob("*"):
        with Image.open(path) as picture:
            picture.load()
    if run.metrics.exists():
        steps = [int(row["step"]) for row in rows(run)]
        assert steps == sorted(set(steps))
    if run.exists:
        assert isinstance(run.spec, dict)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(tmp_path_factory.mktemp("undisturbed") / "run", **OPTIONS)[1].state_dict()


def count_writes(folder, monkeypatch):
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        train(folder, **OPTIONS)
    return disk.count


def require_survived(folder, monkeypatch, at, undisturbed):
    """Trains on a disk that is full from a write on, and then on one that has room."""
    told = None
    with monkeypatch.context() as patch:
        Disk(patch).full_from = at
        try:
            train(folder, **OPTIONS)
        except RunError as error:
            told = str(error)
    if told:  # the last writes are of what only reports
        line = r"cannot write .* \(No space left on device\): make room, or choose another folder"
        assert re.fullmatch(line, told)
    run = RunFolder(folder)
    require_whole(run)
    _, resumed = train(folder, **OPTIONS)
    require_whole(run)
    assert_equal(resumed.state_dict(), undisturbed)
    return told


FAULTS = int(os.environ.get("GANBLOCKS_FAULTS", "50"))
"""Trainings in each of which another write is the first that fails."""


@pytest.mark.filterwarnings("ignore:.*(training continues|missing. the log|nothing is left)")
@pytest.mark.parametrize(
    "share", [0.4, *(pytest.param(s, marks=pytest.mark.slow) for s in (0, 0.95))]
)
def test_a_disk_that_fills_up_loses_nothing(tmp_path, monkeypatch, share, undisturbed):
    writes = count_writes(tmp_path / "counted", monkeypatch)
    require_survived(tmp_path / "run", monkeypatch, 1 + int(share * writes), undisturbed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*(training continues|missing. the log|nothing is left)")
def test_a_disk_that_fills_up_at_any_write_loses_nothing(tmp_path, monkeypatch, undisturbed):
    writes = count_writes(tmp_path / "counted", monkeypatch)
    assert writes > 50
    places = {fault: 1 + fault * writes // FAULTS for fault in range(FAULTS)}
    told = [
        require_survived(tmp_path / str(fault), monkeypatch, at, undisturbed)
        for fault, at in places.items()
    ]
    assert sum(map(bool, told)) >= 0.8 * FAULTS


def limited(folder, size):
    """Trains in a process whose files may have so many bytes; prints how that ended."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        train(folder, **{**OPTIONS, "steps": 8})
    except RunError as error:
        (folder.parent / f"{size}").symlink_to(str(error)[-80:])  # a file would have no room
        return
    os._exit(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*nothing is left")
@pytest.mark.parametrize("size", [300, 20_000, 50_000])
def test_the_limit_on_files_of_a_process(tmp_path, size, undisturbed):
    """A real fault of the system, below Python's own files."""
    run, _ = train(tmp_path / "run", **OPTIONS)
    process = start(limited, run.path, size)
    process.join()
    assert process.exitcode == 0
    told = str((tmp_path / f"{size}").readlink())
    assert told.endswith("raise the limit on the size of a file, or choose another folder")
    require_whole(run)
    _, resumed = train(run.path, **OPTIONS)
    assert_equal(resumed.state_dict(), undisturbed)


def test_a_start_that_failed_is_begun_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Disk(patch).full_from = 1
        with pytest.raises(RunError, match="spec.json .No space left on device.: make room"):
            RunFolder.create(tmp_path / "run")
    RunFolder.create(tmp_path / "run", {"again": True})
    assert RunFolder.open(tmp_path / "run").spec == {"again": True}


def test_half_a_row_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "log"
    append(path, "1\n")

    class Half(io.FileIO):
        def write(self, data):
            return super().write(data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", lambda path, *_: Half(path, "a"))
        with pytest.raises(RunError, match="make room"):
            append(path, "22222\n")
    append(path, "3\n")
    assert path.read_text() == "1\n3\n"


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        ("missing/folder/x", "its folder is missing, so create it"),
        ("folder", "a folder has this name, so move it"),
        ("file/x", "a file has the name of the folder, so move it"),
        ("x" * 300, "choose a shorter name"),
    ],
)
def test_each_fault_has_its_remedy(tmp_path, place, remedy):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=remedy) as raised:
        write_atomically(tmp_path / place, b"content")
    assert "room" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room, or choose another folder"),
        (errno.EDQUOT, "make room, or choose another folder"),
        (errno.EACCES, "permit writing there, or choose another folder"),
        (errno.EROFS, "permit writing there, or choose another folder"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_the_remedy_is_that_of_the_systems_error(tmp_path, monkeypatch, number, remedy):
    with monkeypatch.context() as patch:
        Disk(patch, number).full_from = 1
        with pytest.raises(RunError) as raised:
            write_atomically(tmp_path / "x", b"content")
    assert str(raised.value) == f"cannot write {tmp_path / 'x'} ({os.strerror(number)}): {remedy}"


def test_an_error_that_has_another_cause_stays_as_it_is(tmp_path):
    def fail(file):
        raise ZeroDivisionError

    try:
        raise OSError(errno.ENOSPC, "of the caller")
    except OSError:
        with pytest.raises(ZeroDivisionError):
            write_atomically(tmp_path / "x", fail)
    assert list(tmp_path.iterdir()) == []
