"""Finds the pairs in a folder, and files without a partner, by name; opens no images."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

from ganblocks.arguments import checked
from ganblocks.data.layouts import (
    SPLITS,
    Layout,
    Pattern,
    find_layout,
    parsed,
    split_suffix,
    splits_of,
)
from ganblocks.data.manifest import manifest_splits, read_manifest
from ganblocks.data.readers import READERS
from ganblocks.errors import DataError, OptionError, listed

COMPANIONS = (
    *(".txt", ".md", ".json", ".csv", ".tsv", ".yaml", ".yml", ".xml", ".html", ".pdf", ".log"),
    *(".ini", ".db", ".py", ".zip", ".gz", ".tar"),
)
"""Suffixes of files that may lie next to the images; others are reported."""

Texts = str | Sequence[str] | None
"""A file pattern or CSV column, or several."""


@dataclass(frozen=True)
class Pair:
    """The files of one pair; `b` is empty for side-by-side files and single images."""

    name: str
    a: tuple[Path, ...]
    b: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Scan:
    """The pairs in natural order, a line per file without a partner, and the layout in words."""

    pairs: tuple[Pair, ...]
    problems: tuple[str, ...]
    layout: str


def scan_pairs(
    root: str | Path,
    split: str | None = "train",
    *,
    a: Texts = None,
    b: Texts = None,
    held_out: float = 0.0,
) -> Scan:
    """Pairs up the files of one split."""
    if (a is None) != (b is None):
        given, other = ("a", "b") if b is None else ("b", "a")
        raise OptionError(
            f"{given} is set without {other}: write patterns of both sides, or of neither"
        )
    return _scan(Path(root), split, [] if a is None else [a, b], ["a", "b"], held_out)


def scan_images(
    root: str | Path, split: str | None = "train", *, files: Texts = None, held_out: float = 0.0
) -> Scan:
    """Lists single images, as pairs without b."""
    return _scan(Path(root), split, [] if files is None else [files], ["image"], held_out)


def picture_files(folder: Path) -> list[Path]:
    """Lists the image files directly in a folder, in natural order: 2.jpg before 10.jpg."""
    names = (path.name for path in folder.iterdir() if path.is_file())
    taken = (n for n in names if n[0] != "." and split_suffix(n)[1] in READERS)
    return [folder / name for name in sorted(taken, key=_natural)]


@checked
def held_out_split(root: str | Path, held_out: float = 0.0, *, a: Texts = None) -> str:
    """Returns the held-out split of a folder of pairs: `"val"`, else `"test"`, else `"train"`.

    Args:
        root: The dataset's folder, or a CSV file.
        held_out: Fraction of the pairs in `"val"` if there is neither.
        a: The pattern of side a, if there is one.

    Examples:
        >>> held_out_split("no/such/folder"), held_out_split("no/such/folder", 0.1)
        ('train', 'val')
    """
    splits = split_names(root, a=a)
    fallback = "val" if _divides(Path(root), held_out, a) else "train"
    return next((split for split in ("val", "test") if split in splits), fallback)


@checked
def split_names(root: str | Path, *, a: Texts = None) -> list[str]:
    """Lists which of the usual splits, train, val and test, a folder of pairs has.

    Args:
        root: The dataset's folder, or a CSV file; without splits the list is empty.
        a: The pattern of side a, if there is one.

    Examples:
        >>> split_names("no/such/folder")
        []
    """
    root = Path(root)
    if _is_manifest(root):
        return manifest_splits(root) or []
    if not root.is_dir() or "{split}" not in str(a):
        return splits_of(root, by_patterns=a is not None) if root.is_dir() else []
    files = [split_suffix(normalize("NFC", path)) for path, _ in _walk(root, re.compile("(?!)"))]

    def has(split: str) -> bool:
        patterns = [parsed(t.replace("{split}", split)) for t in _tuple(a) if "{split}" in t]
        return any(pattern.name(*file) for pattern in patterns for file in files)

    return [split for split in SPLITS if has(split)]


def _scan(
    root: Path, split: str | None, given: list[Texts], columns: list[str], held_out: float
) -> Scan:
    if isinstance(held_out, bool) or not 0 <= held_out < 1:
        raise OptionError(f"held_out is {held_out!r}: write a share from 0 to below 1, such as 0.1")
    sides = tuple(map(_tuple, given))
    texts = [text for side in sides for text in side]
    if not all(sides) or len({*texts}) < len(texts):
        raise OptionError(f"patterns {listed(texts)}: write one or more of each side, each once")
    divided = split in ("train", "val") and _divides(root, held_out, texts or None)
    own = "train" if divided else split
    if _is_manifest(root):
        sides = sides or tuple((column,) for column in columns)
        rows, problems = read_manifest(root, own, sides)
        words = f"columns {' and '.join(', '.join(side) for side in sides)} of {root.name}"
        scan = Scan(tuple(Pair(name, *files) for name, files in rows), tuple(problems), words)
    else:
        scan = _matched(find_layout(root, own, sides or None, single=len(columns) == 1))
    return _part(scan, split == "val", held_out) if divided else scan


def _tuple(given: Texts) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def _is_manifest(root: Path) -> bool:
    return root.suffix.lower() == ".csv" and not root.is_dir()


def _divides(root: Path, held_out: float, a: Texts) -> bool:
    """Returns whether a fraction of the pairs is held out, for lack of a split."""
    if not held_out or (_is_manifest(root) and manifest_splits(root) is not None):
        return False
    return not {"val", "test"} & {*split_names(root, a=a)}


def _part(scan: Scan, is_val: bool, held_out: float) -> Scan:
    """Returns the held-out pairs or the others, chosen by hashes of their names."""
    names = [pair.name for pair in scan.pairs]
    names.sort(key=lambda name: sha256(name.encode("utf-8", "surrogateescape")).digest())
    val = {*names[: max(0, min(len(names) - 1, max(1, round(held_out * len(names)))))]}
    if is_val and not val:
        raise DataError(f"held_out is {held_out}, but pairs are few ({len(names)}): add some")
    pairs = tuple(pair for pair in scan.pairs if (pair.name in val) == is_val)
    words = f"{scan.layout}, {len(val)} of {len(names)} held out by name"
    return replace(scan, pairs=pairs, layout=words)


def _matched(layout: Layout) -> Scan:
    """Assigns files to patterns; a file that fits several belongs to the longest."""
    folder, texts = layout.folder, [text for side in layout.sides for text in side]
    patterns = [parsed(text) for text in texts]
    lengths = [len("".join(pattern)) for pattern in patterns]
    found: list[dict[str, str]] = [{} for _ in patterns]
    problems: list[str] = []
    files = sorted(_walk(folder, layout.elsewhere), key=lambda file: _natural(file[0]))
    for path, trouble in files:
        stem, suffix = split_suffix(normalize("NFC", path))
        names = [pattern.name(stem, suffix) for pattern in patterns]
        index = max(range(len(names)), key=lambda i: (bool(names[i]), lengths[i]))
        if not trouble and suffix not in READERS:
            ends = ", ".join(READERS)
            trouble = f"is not read, since it does not end in {ends}; convert it, or move it away"
        elif not trouble and not names[index]:
            either = " or ".join(map(repr, texts))
            trouble = f"is not read, since it does not fit {either}; rename it, or move it away"
        elif not trouble and (first := found[index].setdefault(names[index], path)) is not path:
            trouble = f"has the name of {Path(first).name}; rename or remove one of them"
        if trouble:
            problems.append(f"{folder / path}: {trouble}")
    if lacking := [text for text, taken in zip(texts, found, strict=True) if not taken]:
        fit = f"it has no files that fit {listed(lacking)} and end in {', '.join(READERS)}"
        raise DataError("\n".join([f"no images in {folder}: {fit}", *problems[:3]]))
    problems += _partnerless(folder, patterns, found)
    count = len(layout.sides[0])
    pairs = (
        Pair(name, *(tuple(folder / f[name] for f in s) for s in (found[:count], found[count:])))
        for name in found[0]
        if all(name in taken for taken in found)
    )
    return Scan(tuple(pairs), tuple(problems), layout.words)


def _partnerless(
    folder: Path, patterns: list[Pattern], found: list[dict[str, str]]
) -> Iterator[str]:
    for taken in found:
        for name, path in taken.items():
            lacking = []
            for (start, end, suffix), others in zip(patterns, found, strict=True):
                if name not in others:
                    place, _, file = f"{start}{name}{end}{suffix or '.*'}".rpartition("/")
                    lacking.append(f"named {file} in {folder / place}")
            if lacking:
                wanted = " and none ".join(lacking)
                yield f"{folder / path}: has no partner {wanted}; add it, or remove this file"


def _walk(folder: Path, elsewhere: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yields the paths of files below a folder, each with its problem or ""."""
    stack: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while stack:
        start, above = stack.pop()
        try:
            stat = (folder / start).stat()
            entries = list(os.scandir(folder / start))
        except OSError as error:
            yield start, f"cannot be listed ({error.strerror}); allow it, or move it away"
            continue
        here = (stat.st_dev, stat.st_ino)
        for entry in entries if here not in above else ():  # avoid links to a parent folder
            path, target = start + entry.name, Path(entry.path) if entry.is_symlink() else None
            is_folder = target.is_dir() if target else entry.is_dir()
            whole = normalize("NFC", path) + "/" * is_folder
            if entry.name.startswith(".") or elsewhere.fullmatch(whole):
                continue
            if is_folder:
                stack.append((path + "/", above | {here}))
            elif split_suffix(entry.name)[1] not in COMPANIONS:
                lost = target is not None and not target.exists()
                yield path, "is a link to a file that does not exist; fix or remove it" * lost


def _natural(name: str) -> tuple[list[str | int], str]:
    """Returns a sort key that orders numbers within names by value; 1.jpg and 01.jpg by name."""
    words = re.split(r"(\d+)", normalize("NFC", name).lower())
    return [int(word) if index % 2 else word for index, word in enumerate(words)], name
