"""Reads the files of pairs and images as pixels; errors name the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from ganblocks.data.formats import SideFormat, merged
from ganblocks.data.readers import Stored, read_stored
from ganblocks.data.scan import Pair
from ganblocks.errors import DataError, GanBlocksError

T = TypeVar("T")

PEEKED_FILES = 16
"""Number of pairs that are read to detect the format."""


def digest(named: Iterable[tuple[str, Sequence[Path]]]) -> str:
    """Returns a digest of files' names and sizes in bytes."""
    whole = sha256()
    for name, paths in named:
        whole.update(
            f"{name} {[path.stat().st_size for path in paths]}\n".encode(errors="surrogateescape")
        )
    return whole.hexdigest()


def read_side(files: Sequence[Path]) -> Stored:
    """Reads the files of one side as the channels of one image."""
    stored = [read_stored(path) for path in files]
    return _named(files[0], lambda: merged(stored))


def read_sides(pair: Pair, side_by_side: bool) -> tuple[Stored, Stored]:
    """Reads both sides of a pair; halves of one file that are not square need `side_by_side`."""
    a = read_side(pair.a)
    height, width = a.values.shape[:2]
    if not pair.b:
        upright = a.orientation > 4 and width == 2 * height  # as stored, it need not be a pair
        if a.orientation != 1 and not upright:
            raise DataError(
                f"{pair.a[0]}: its EXIF orientation {a.orientation} turns a and b together; save "
                "it upright, without EXIF"
            )
        return _named(pair.a[0], lambda: _halves(a, side_by_side))
    b = read_side(pair.b)
    if a.values.shape[:2] != b.values.shape[:2]:
        raise DataError(
            f"{pair.a[0]}: is {_size(a)}, but {pair.b[0]} is {_size(b)}; make both the same size"
        )
    turned = (a.orientation > 4) != (b.orientation > 4)
    if a.orientation != b.orientation and (height == width or not turned):
        raise DataError(
            f"{pair.a[0]}: has the EXIF orientation {a.orientation}, but {pair.b[0]} has "
            f"{b.orientation}: the same side may not be up; save both upright, without EXIF"
        )
    return a, b


def decode(form: SideFormat, stored: Stored, files: Sequence[Path]) -> Tensor:
    """Returns the pixels of a side; an error names its first file."""
    return _named(files[0], lambda: form.decode(stored))


def peeked(
    forms: Sequence[SideFormat], count: int, read: Callable[[int], Sequence[Stored]]
) -> list[SideFormat]:
    """Resolves formats from a few evenly spaced files, or from all if that is not enough."""
    every = any(form.needs_all_files for form in forms)
    few = min(count, PEEKED_FILES)
    indices = range(count) if every else [i * count // few for i in range(few)]

    def readable(index: int) -> Sequence[Stored] | None:
        try:
            return read(index)
        except DataError:  # raised again when the pair is used
            return None

    with ThreadPoolExecutor() as threads:
        found = [stored for stored in threads.map(readable, indices) if stored is not None]
    if not found:
        return list(forms)  # each pair is rejected when it is read
    return [
        form.resolved(files) for form, files in zip(forms, zip(*found, strict=True), strict=True)
    ]


def _halves(both: Stored, side_by_side: bool) -> tuple[Stored, Stored]:
    height, width = both.values.shape[:2]
    if width % 2:
        raise DataError(
            f"is {width} pixels wide, an odd number; a and b side by side need an even width (or "
            "put them into two folders, a/ and b/)"
        )
    if width != 2 * height and not side_by_side:
        raise DataError(
            f"is {width}x{height}, not twice as wide as high, so its halves may not be a pair: "
            "write side_by_side=True if they are, or put the images into two folders, a/ and b/"
        )
    parts = [slice(0, width // 2), slice(width // 2, width)]
    alphas = [None if both.alpha is None else both.alpha[:, part] for part in parts]
    left, right = (
        both._replace(values=both.values[:, part], alpha=alpha)
        for part, alpha in zip(parts, alphas, strict=True)
    )
    return left, right


def _size(stored: Stored) -> str:
    return f"{stored.values.shape[1]}x{stored.values.shape[0]}"


def _named(path: Path, make: Callable[[], T]) -> T:
    try:
        return make()
    except GanBlocksError as error:
        raise DataError(f"{path}: {error}", see=error.see) from None
