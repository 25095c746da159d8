"""Fetches the CMP facades as pix2pix has them: resumable, safe to unpack, verified."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from ganblocks.arguments import checked
from ganblocks.data.scan import picture_files
from ganblocks.errors import DataError

CMP_URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz"
CMP_COUNTS: Mapping[str, int] = {"train": 400, "val": 100, "test": 106}
PICTURE_SIZE = (512, 256)
CHUNK = 1 << 16
TIMEOUT_S = 30.0


@checked
def download_cmp_facades(
    root: str | Path, *, url: str = CMP_URL, counts: Mapping[str, int] = CMP_COUNTS
) -> Path:
    """Downloads and unpacks the CMP facades into `root/facades`, unless they are there already.

    A broken download leaves `root/facades.tar.gz.part`, and the next call goes on from there.
    Side a is the photo, side b the labels. Call it from one process only.

    Args:
        root: Folder that will hold `facades/`; made if missing.
        url: Address of a `.tar.gz` with one folder `facades/`.
        counts: How many pictures each split must hold.

    Returns:
        The folder `root/facades`, with `train/ val/ test/` of 512x256 side-by-side pictures.

    Raises:
        DataError: The address cannot be reached, the download broke off, or what is in the
            archive or in `root/facades` is not the whole dataset.
    """
    root = Path(root)
    folder = root / "facades"
    if folder.exists():
        problem = _incomplete(folder, counts)
        if problem:
            raise DataError(
                f"{folder} is not the whole dataset ({problem}). Move it away and call again, or "
                "complete it by hand",
                see="facades-download",
            )
        return folder
    part = root / "facades.tar.gz.part"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _download(url, part)
        problem = _unpack(part, folder, counts)
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(
            f"no facades from {url} ({error}). {_by_hand(folder, url)}", see="facades-download"
        ) from error
    if problem:
        raise DataError(
            f"{url} is not the facades ({problem}). {_by_hand(folder, url)}",
            see="facades-download",
        )
    return folder


def _by_hand(folder: Path, url: str) -> str:
    return (
        f"Call again, or place them by hand: get {url.rpartition('/')[2]} on another "
        f"machine and unpack it in {folder.parent}, so that {folder / 'train' / '1.jpg'} is there"
    )


def _download(url: str, part: Path) -> None:
    """Fetches what the `.part` file still lacks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            _save(response, part, have)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise
        # Nothing lies behind the end of the part: it is whole, or of another archive.
        if _total(error.headers.get("Content-Range")) != have:
            part.unlink()
            _download(url, part)


def _save(response: Any, part: Path, have: int) -> None:
    """Writes a response to the `.part` file, behind what is there if the server resumes."""
    from tqdm import tqdm

    content_range = response.headers.get("Content-Range")
    resumed = response.status == 206 and (content_range or "").startswith(f"bytes {have}-")
    length = response.headers.get("Content-Length")
    total = None if length is None else int(length) + (have if resumed else 0)
    file: IO[bytes]
    with (
        part.open("ab" if resumed else "wb") as file,
        tqdm(
            total=total,
            initial=have if resumed else 0,
            desc=part.stem,
            unit="B",
            unit_scale=True,
        ) as bar,
    ):
        while chunk := response.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
    size = part.stat().st_size
    if total is not None and size != total:
        raise OSError(f"the connection broke after {size} of {total} bytes")


def _total(content_range: str | None) -> int | None:
    """Reads the whole length out of a header such as `bytes */1234`."""
    length = (content_range or "").rpartition("/")[2]
    return int(length) if length.isdecimal() else None


def _unpack(part: Path, folder: Path, counts: Mapping[str, int]) -> str | None:
    """Unpacks beside the final folder, verifies, and only then gives it its name.

    The archive is used up, good or bad; only a full disk or the like, which raises, spares it.
    """
    if not hasattr(tarfile, "data_filter"):
        raise OSError("unpacking it safely needs Python 3.11.4 or later")
    with tempfile.TemporaryDirectory(prefix=".facades-", dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "facades"
        try:
            with gzip.open(part) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
                archive.extractall(scratch, filter="data")
                while stream.read(CHUNK):  # only the end of the stream has its checksum
                    pass
            problem = _incomplete(unpacked, counts)
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            unpacked.rename(folder)
    part.unlink()
    return problem


def _incomplete(folder: Path, counts: Mapping[str, int]) -> str | None:
    """Says what a folder lacks to be the dataset: a split, pictures, or their size."""
    from PIL import Image

    for split, count in counts.items():
        pictures = picture_files(folder / split) if (folder / split).is_dir() else []
        if len(pictures) != count:
            return f"{split} has {len(pictures)} pictures instead of {count}"
        for path in pictures:
            try:
                with Image.open(path) as picture:
                    size = picture.size
            except OSError as error:
                return f"{split}/{path.name} is no picture ({type(error).__name__})"
            if size != PICTURE_SIZE:
                return f"{split}/{path.name} is {size[0]}x{size[1]} instead of 512x256"
    return None
