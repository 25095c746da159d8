"""Finds the pairs in a folder by names alone, and what has no partner; opens no picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ganblocks.arguments import checked
from ganblocks.errors import DataError, listed

SPLITS = ("train", "val", "test")
"""The usual split folders; a folder of another name is a split when it is asked for."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""What counts as a picture file, in upper or lower case."""


@dataclass(frozen=True)
class Pair:
    """Where one pair lies: two files, or one (`b` is None) that holds a and b side by side."""

    name: str
    a: Path
    b: Path | None = None


@dataclass(frozen=True)
class Scan:
    """The pairs of a folder, in natural order, and one line per file that is in no pair."""

    pairs: tuple[Pair, ...]
    problems: tuple[str, ...]


def scan_pairs(root: str | Path, split: str | None = "train") -> Scan:
    """Pairs up the picture files of one split."""
    a, b = _sides(Path(root), split)
    return _side_by_side(a) if b is None else _two_folders(a, b)


def picture_files(folder: Path) -> list[Path]:
    """Lists the picture files right in a folder, in natural order: 2.jpg before 10.jpg."""
    return sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ),
        key=_natural,
    )


def _sides(root: Path, split: str | None) -> tuple[Path, Path | None]:
    """Finds the folder of side a and that of side b (None: side by side in the first)."""
    if not root.is_dir():
        raise DataError(f"no folder {root}: give the folder that holds the pairs")
    if split is not None and (root / split).is_dir():
        root, split = root / split, None
    a, b = _side_folders(root)
    if split is None:
        return a or root, b
    if a is not None and b is not None:
        if (a / split).is_dir() and (b / split).is_dir():
            return a / split, b / split
        _require_unsplit(root, split, [a, b])
        return a, b
    _require_unsplit(root, split, [root])
    return root, None


def _side_folders(folder: Path) -> tuple[Path, Path] | tuple[None, None]:
    """Finds the folders a/ and b/, or A/ and B/."""
    found = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    a, b = found.get("a"), found.get("b")
    if a is not None and b is not None:
        return a, b
    if a is not None or b is not None:
        have, want = ("a", "b") if b is None else ("b", "a")
        raise DataError(f"{folder} has a folder {have}/ but no {want}/: pairs need both")
    return None, None


def _require_unsplit(root: Path, split: str, folders: list[Path]) -> None:
    """Stops before pictures of one split are taken for those of another."""
    found = [name for name in SPLITS if any((folder / name).is_dir() for folder in folders)]
    if found:
        sides = " on both sides" if len(folders) > 1 else ""
        raise DataError(f"{root} has no split {split!r}{sides}; it has {listed(found)}")
    if split != "train":
        raise DataError(
            f"{root} has no split folders, so no {split!r}: make the folder {root / split}, or "
            "write split=None to read all pictures"
        )


def _side_by_side(folder: Path) -> Scan:
    pictures, problems = _by_name(folder)
    return Scan(tuple(Pair(name, path) for name, path in pictures.items()), tuple(problems))


def _two_folders(a: Path, b: Path) -> Scan:
    (left, left_twins), (right, right_twins) = _by_name(a), _by_name(b)
    pairs = tuple(Pair(name, left[name], right[name]) for name in left if name in right)
    alone = [*_without_partner(left, right, b), *_without_partner(right, left, a)]
    return Scan(pairs, (*left_twins, *right_twins, *alone))


def _without_partner(here: dict[str, Path], there: Iterable[str], other: Path) -> Iterable[str]:
    return (
        f"{path}: has no partner named {name}.* in {other}; add it, or remove this file"
        for name, path in here.items()
        if name not in there
    )


def _by_name(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Maps names without suffix to files; a second file of one name is a problem."""
    pictures: dict[str, Path] = {}
    problems = []
    for path in picture_files(folder):
        first = pictures.setdefault(path.stem, path)
        if first is not path:
            problems.append(f"{path}: has the name of {first.name}; rename or remove one of them")
    if not pictures:
        inside = sorted(f"{path.name}/" for path in folder.iterdir() if path.is_dir())
        has = f"; it has the folders {', '.join(inside)}: pairs lie in a/ and b/" if inside else ""
        raise DataError(
            f"no pictures in {folder}: files that end in {', '.join(SUFFIXES)} are looked for{has}"
        )
    return pictures, problems


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Sorts numbers within names by value; the plain name decides between 1.jpg and 01.jpg."""
    words = re.split(r"(\d+)", path.name.lower())
    return [int(word) if index % 2 else word for index, word in enumerate(words)], path.name


@checked
def held_out_split(root: str | Path) -> str:
    """Returns `"val"` or `"test"`, which a folder of pairs holds out, or `"train"` if neither.

    Args:
        root: The dataset's folder.

    Examples:
        >>> held_out_split("no/such/folder")
        'train'
    """
    there = split_names(root)
    return next((split for split in ("val", "test") if split in there), "train")


@checked
def split_names(root: str | Path) -> list[str]:
    """Lists which of the usual splits, train, val and test, a folder of pairs has.

    Args:
        root: The dataset's folder; without split folders the list is empty.

    Examples:
        >>> split_names("no/such/folder")
        []
    """
    found = []
    for split in SPLITS:
        sides = [Path(root) / side / split for side in ("a", "b")]
        if (Path(root) / split).is_dir() or all(side.is_dir() for side in sides):
            found.append(split)
    return found
