"""Writes files completely or not at all, and explains failures in one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ganblocks.errors import GanBlocksError, RunError

_REMEDIES = {
    (errno.ENOSPC, errno.EDQUOT): "make room, or choose another folder",
    (errno.EFBIG,): "raise the limit on the size of a file, or choose another folder",
    (errno.ENOENT,): "its folder is missing, so create it, or choose another folder",
    (errno.EISDIR, errno.ENOTEMPTY): "a folder has this name, so move it, or choose another name",
    (errno.EEXIST, errno.ENOTDIR): "a file has the name of the folder, so move it, or choose "
    "another folder",
    (errno.EACCES, errno.EPERM, errno.EROFS): "permit writing there, or choose another folder",
    (errno.ENAMETOOLONG,): "choose a shorter name",
}


def write_atomically(
    path: Path, content: bytes | Callable[[IO[bytes]], object], *, durable: bool = True
) -> None:
    """Writes a file so that a crash leaves either the old or the new file, complete.

    `content` is bytes, or a function that writes them to an open file. A missing parent folder is
    created, but not its parents. With `durable`, the file also survives a power failure. Raises
    `RunError`.
    """
    temporary = path.with_name(f".{path.name}.partial")
    with os_errors_explained(path):
        path.parent.mkdir(exist_ok=True)
        try:
            with temporary.open("w+b") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content(file)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable and os.name == "posix":  # flush the rename to disk too
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


def append(path: Path, text: str) -> None:
    """Appends text to a file, or leaves the file unchanged and raises `RunError`."""
    content = text.encode()
    with os_errors_explained(path), path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            if file.write(content) < len(content):  # which is all that a full disk says at first
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(size)
            raise


@contextmanager
def os_errors_explained(path: Path) -> Iterator[None]:
    """Re-raises OSError, and an error that a library raises because of one, as RunError."""
    handled = sys.exception()  # by the caller: it explains nothing here
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while not isinstance(cause, OSError):
            cause = cause and (cause.__cause__ or cause.__context__)
            if cause in (None, handled):
                raise
        if isinstance(error, GanBlocksError):
            raise
        remedies = (text for numbers, text in _REMEDIES.items() if cause.errno in numbers)
        raise RunError(
            f"cannot write {path} ({cause.strerror or cause}): "
            f"{next(remedies, 'choose another folder')}"
        ) from None
