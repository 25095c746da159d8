"""Finds the pairs in a folder, and files without a partner, by name; opens no picture."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganblocks.arguments import checked
from ganblocks.errors import DataError, listed

SPLITS = ("train", "val", "test")
"""The usual split folders; a folder of another name is a split if it is requested by name."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Suffixes of picture files, in upper or lower case."""

COMPANIONS = (
    *(".txt", ".md", ".json", ".csv", ".tsv", ".yaml", ".yml", ".xml", ".html", ".pdf", ".log"),
    *(".ini", ".db", ".py", ".zip", ".gz", ".tar"),
)
"""Suffixes of files that may lie beside the pictures; others are reported."""


@dataclass(frozen=True)
class Pair:
    """The files of one pair: two, or one (`b` is None) with a and b side by side."""

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
    a, b = _folders(Path(root), split)
    left, problems = _by_name(a)
    if b is None:
        return Scan(tuple(Pair(name, path) for name, path in left.items()), tuple(problems))
    right, right_problems = _by_name(b)
    problems += right_problems
    for files, others, other_folder in ((left, right, b), (right, left, a)):
        problems += (
            f"{path}: has no partner named {name}.* in {other_folder}; add it, or remove this file"
            for name, path in files.items()
            if name not in others
        )
    pairs = (Pair(name, left[name], right[name]) for name in left if name in right)
    return Scan(tuple(pairs), tuple(problems))


def picture_files(folder: Path) -> list[Path]:
    """Lists the picture files directly in a folder, in natural order: 2.jpg before 10.jpg."""
    return sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ),
        key=_natural,
    )


def _folders(root: Path, split: str | None) -> tuple[Path, Path | None]:
    """Finds the folders of side a and side b, or one folder and None for side-by-side pictures."""
    if not root.is_dir():
        raise DataError(f"no folder {root}: give the folder that holds the pairs")
    if split is not None and (root / split).is_dir():
        root, split = root / split, None
    sides = _side_folders(root)
    if len(sides) == 1:
        (present,) = sides
        absent = "b" if present == "a" else "a"
        raise DataError(f"{root} has a folder {present}/ but no {absent}/: pairs need both")
    if split is not None and sides and all((side / split).is_dir() for side in sides.values()):
        sides = {name: side / split for name, side in sides.items()}
    elif split is not None:
        _require_unsplit(root, split, list(sides.values()))
    return sides.get("a", root), sides.get("b")


def _side_folders(folder: Path) -> dict[str, Path]:
    """Finds the folders a/ and b/, or A/ and B/."""
    folders = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    return {side: folders[side] for side in ("a", "b") if side in folders}


def _require_unsplit(root: Path, split: str, sides: list[Path]) -> None:
    """Raises if pictures of one split could be taken for those of another."""
    splits = [name for name in SPLITS if any((side / name).is_dir() for side in sides or [root])]
    if splits:
        where = " on both sides" if sides else ""
        raise DataError(f"{root} has no split {split!r}{where}; it has {listed(splits)}")
    if split != "train":
        raise DataError(
            f"{root} has no split folders, so no {split!r}: make the folder {root / split}, or "
            "write split=None to read all pictures"
        )


def _by_name(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Maps names without suffix to files; a second file of the same name is a problem.

    A name is the same in every form of Unicode: systems write "é" as one character or as two.
    """
    pictures: dict[str, Path] = {}
    problems = list(_left_out(folder))
    for path in picture_files(folder):
        first = pictures.setdefault(unicodedata.normalize("NFC", path.stem), path)
        if first is not path:
            problems.append(f"{path}: has the name of {first.name}; rename or remove one of them")
    if not pictures:
        folders = sorted(f"{path.name}/" for path in folder.iterdir() if path.is_dir())
        hint = f", only the folders {', '.join(folders)}: put pairs into a/ and b/"
        raise DataError(
            f"no pictures in {folder}: it has no files that end in {', '.join(SUFFIXES)}"
            f"{hint if folders else ''}"
        )
    return pictures, problems


def _left_out(folder: Path) -> Iterator[str]:
    """Yields a line for each file or folder that looks like data and is not read."""
    for path in sorted(folder.iterdir(), key=_natural):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix in COMPANIONS:
            continue
        if path.is_dir():
            split = path.name.lower() in SPLITS
            if not split and any(file.suffix.lower() in SUFFIXES for file in path.rglob("*")):
                yield f"{path}: is a folder with pictures, which are not read; move them or it away"
        elif not path.exists():
            yield f"{path}: is a link to a file that does not exist; mend or remove it"
        elif suffix not in SUFFIXES:
            yield (
                f"{path}: is not read, since it does not end in {', '.join(SUFFIXES)}; convert it, "
                "or move it away"
            )


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Sorts numbers within names by value; the name itself decides between 1.jpg and 01.jpg."""
    words = re.split(r"(\d+)", path.name.lower())
    return [int(word) if index % 2 else word for index, word in enumerate(words)], path.name


@checked
def held_out_split(root: str | Path) -> str:
    """Returns the held-out split of a folder of pairs: `"val"`, else `"test"`, else `"train"`.

    Args:
        root: The dataset's folder.

    Examples:
        >>> held_out_split("no/such/folder")
        'train'
    """
    splits = split_names(root)
    return next((split for split in ("val", "test") if split in splits), "train")


@checked
def split_names(root: str | Path) -> list[str]:
    """Lists which of the usual splits, train, val and test, a folder of pairs has.

    Args:
        root: The dataset's folder; without split folders the list is empty.

    Examples:
        >>> split_names("no/such/folder")
        []
    """
    root = Path(root)
    sides = list(_side_folders(root).values()) if root.is_dir() else []
    return [
        split
        for split in SPLITS
        if (root / split).is_dir()
        or (len(sides) == 2 and all((side / split).is_dir() for side in sides))
    ]
