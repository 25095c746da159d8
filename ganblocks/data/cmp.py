"""Downloads, verifies and safely unpacks the CMP facades of pix2pix."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ganblocks.arguments import checked
from ganblocks.data.readers import open_picture
from ganblocks.data.scan import picture_files
from ganblocks.errors import DataError

CMP_URL = "https://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz"
CMP_COUNTS: Mapping[str, int] = {"train": 400, "val": 100, "test": 106}
PICTURE_SIZE = (512, 256)
CHUNK = 1 << 16
TIMEOUT_S = 30.0
MOST_BYTES = 1 << 28
"""Maximum unpacked size of the archive; the facades have 30 MB."""


@checked
def download_cmp_facades(
    root: str | Path, *, url: str = CMP_URL, counts: Mapping[str, int] = CMP_COUNTS
) -> Path:
    """Downloads and unpacks the CMP facades into `root/facades`, unless they exist.

    The next call resumes an interrupted download from `root/facades.tar.gz.part`. If the server has
    no https, http is used. Side a is the photo, side b the labels. Call it from one process only.

    Args:
        root: Parent folder of `facades/`; created if missing.
        url: Address of a `.tar.gz` with one folder `facades/`.
        counts: Number of images in each split.

    Returns:
        The folder `root/facades`, with `train/ val/ test/` of 512x256 side-by-side images.

    Raises:
        DataError: The address cannot be reached, the download was interrupted, or the archive or
            `root/facades` is not the complete dataset.
    """
    folder = Path(root) / "facades"
    if folder.exists():
        if problem := _incomplete(folder, counts):
            raise DataError(
                f"{folder} is not the complete dataset ({problem}). Move it away and try again, "
                "or complete it manually",
                see="facades-download",
            )
        return folder
    by_hand = (
        f"Try again, or download {url.rpartition('/')[2]} manually and "
        f"unpack it in {folder.parent}, so that {folder / 'train' / '1.jpg'} exists"
    )
    part = folder.with_name("facades.tar.gz.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(url, part)
        except urllib.error.URLError as error:
            if not url.startswith("https:") or isinstance(error, urllib.error.HTTPError):
                raise
            _download(f"http:{url[6:]}", part)
        problem = _unpack(part, folder, counts)
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(
            f"could not download the facades from {url} ({error}). {by_hand}",
            see="facades-download",
        ) from error
    if problem:
        raise DataError(f"{url} is not the facades ({problem}). {by_hand}", see="facades-download")
    return folder


def _download(url: str, part: Path) -> None:
    size = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={size}-"} if size else {})
    try:
        # Not urlopen, which keeps the proxies of its first call.
        with urllib.request.build_opener().open(request, timeout=TIMEOUT_S) as response:
            _save(response, part, size)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not size:
            raise
        # The server has nothing after the part: it is complete, or from another archive.
        if error.headers.get("Content-Range") != f"bytes */{size}":
            part.unlink()
            _download(url, part)


def _save(response: Any, part: Path, size: int) -> None:
    """Writes a response to the `.part` file, after its first bytes if the server resumes."""
    from tqdm import tqdm

    content_range = response.headers.get("Content-Range") or ""
    if response.status != 206 or not content_range.startswith(f"bytes {size}-"):
        size = 0
    length = response.headers.get("Content-Length")
    total = None if length is None else int(length) + size
    with (
        part.open("ab" if size else "wb") as file,
        tqdm.wrapattr(file, "write", total=total, initial=size, desc=part.stem) as target,
    ):
        shutil.copyfileobj(response, target, CHUNK)
    size = part.stat().st_size
    if total is not None and size != total:
        raise OSError(f"the connection broke after {size} of {total} bytes")


def _unpack(part: Path, folder: Path, counts: Mapping[str, int]) -> str | None:
    """Unpacks next to the final folder, verifies, then renames; returns the problem, if any.

    The archive is deleted, valid or not, unless an error such as a full disk is raised.
    """
    most_files = 2 * sum(counts.values()) + 100
    if not hasattr(tarfile, "data_filter"):
        raise OSError("unpacking it safely needs Python 3.11.4 or later")
    with tempfile.TemporaryDirectory(prefix=".facades-", dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "facades"
        try:
            with gzip.open(part) as unlimited:
                stream: Any = _Limited(unlimited)
                with tarfile.open(fileobj=stream, mode="r|") as archive:
                    for number, member in enumerate(archive):
                        if number == most_files:
                            raise tarfile.TarError(f"more than {most_files} files")
                        archive.extract(member, scratch, filter="data")
                while stream.read(CHUNK):  # the checksum is at the end of the stream
                    pass
            problem = _incomplete(unpacked, counts)
        except _UNUSABLE as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            unpacked.rename(folder)
    part.unlink()
    return problem


class _Limited:
    """Limits the bytes read from a stream, including an archive's headers and names."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, MOST_BYTES

    def read(self, size: int) -> bytes:
        self._left -= len(data := self._stream.read(min(size, self._left + 1)))
        if self._left < 0:
            raise tarfile.TarError(f"more than {MOST_BYTES >> 20} MiB")
        return bytes(data)


_UNUSABLE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError)


def _incomplete(folder: Path, counts: Mapping[str, int]) -> str | None:
    """Describes what a folder lacks of the complete dataset; None if it is complete."""
    for split, count in counts.items():
        pictures = picture_files(folder / split) if (folder / split).is_dir() else []
        if len(pictures) != count:
            return f"{split} has {len(pictures)} images instead of {count}"
        for path in pictures:
            try:
                with open_picture(path) as picture:
                    size = picture.size
            except OSError as error:
                return f"{split}/{path.name} is not an image ({type(error).__name__})"
            if size != PICTURE_SIZE:
                return f"{split}/{path.name} is {size[0]}x{size[1]} instead of 512x256"
    return None
