"""The lock of a run: only one process at a time trains in a folder."""

from __future__ import annotations

import errno
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.writing import os_errors_explained

_BYTE = 2**30
"""The byte that is locked: far beyond the text, since Windows lets nobody read what is locked."""

_held: set[Path] = set()
"""Locks held by this process; the system's locks do not exclude a process from its own."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Context in which no other process can train in a folder; creates a missing folder.

    The lock ends with its process, however that ends, on network file systems too. On POSIX it is
    not `flock`, which the workers of a killed training would keep for a while.

    Raises:
        RunError: Another process trains in it; the message names it and its start.
    """
    path = folder.resolve() / ".lock"
    me = f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M}"
    if path in _held:
        raise _taken(folder, f"process {os.getpid()}, which is this one")
    with os_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    with file:
        try:
            _lock(file.fileno())
            if not os.fstat(file.fileno()).st_nlink:
                raise _taken(folder, "a process that just ends")  # and has deleted this file
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                file.seek(0)
                raise _taken(folder, file.read() or "another process") from None
            message = (
                f"{folder} cannot be locked ({error.strerror}): make sure that no other process "
                "trains in it"
            )
            warnings.warn(message, GanBlocksWarning, stacklevel=4)
        with os_errors_explained(path):
            file.truncate(0)
            os.write(file.fileno(), me.encode())
        _held.add(path)
        try:
            yield
        finally:
            _held.remove(path)
            with suppress(OSError):
                path.unlink()


def _lock(descriptor: int) -> None:
    """Locks a byte of an open file for this process, or raises `OSError` if another one has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _BYTE)


def _taken(folder: Path, holder: str) -> RunError:
    return RunError(
        f"{folder} is in use by {holder}: wait until it ends, or choose another folder",
        see="resume",
    )
