"""Detects a folder's layout: its splits, and the file patterns of each side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from ganblocks.data.readers import READERS
from ganblocks.errors import DataError, OptionError, listed

SPLITS = ("train", "val", "test")
"""The usual split folders; a folder of any other name must be requested by name."""

Sides = tuple[tuple[str, ...], ...]
"""Patterns or columns of side a, and of side b if there is one."""


class Layout(NamedTuple):
    """The patterns of each side; `elsewhere` matches files of other splits.

    Paths are relative to `folder`, with slashes; paths of folders end in a slash.
    """

    folder: Path
    sides: Sides
    words: str
    elsewhere: re.Pattern[str] = re.compile("(?!)")


class Pattern(NamedTuple):
    """A pattern split at its `*`; an empty suffix matches all readable ones."""

    start: str
    end: str
    suffix: str

    def name(self, stem: str, suffix: str) -> str:
        """Returns what `*` stands for in a file's path, or "" if the path does not fit."""
        fits = stem.startswith(self.start) and stem.endswith(self.end)
        if not fits or suffix not in ((self.suffix,) if self.suffix else READERS):
            return ""
        return stem[len(self.start) : len(stem) - len(self.end)].strip("/")


def parsed(text: str) -> Pattern:
    """Splits a pattern at its `*`."""
    if (stars := text.count("*")) != 1:
        raise OptionError(
            f"pattern {text!r} has {stars or 'no'} *: write one, which is the pair's name, as in "
            "'*_HE.png' or 'he/*'"
        )
    stem, suffix = split_suffix(normalize("NFC", text))
    start, end = (stem if suffix in READERS else stem + suffix).split("*")
    return Pattern(start, end, suffix if suffix in READERS else "")


def split_suffix(name: str) -> tuple[str, str]:
    """Splits off the suffix, in lower case; `.nii.gz` is one."""
    found = re.search(r"(?<=[^/])(\.nii\.gz|\.[^./]*)$", name, re.IGNORECASE)
    return (name[: found.start()], found[0].lower()) if found else (name, "")


def find_layout(root: Path, split: str | None, patterns: Sides | None, *, single: bool) -> Layout:
    """Returns the layout of pairs, or of a `single` side."""
    if not root.is_dir():
        raise DataError(f"no folder {root}: pass the folder that contains the pairs")
    folder = root
    if split is not None and (root / split).is_dir() and "{split}" not in str(patterns):
        folder, split = root / split, None
    if patterns is not None:
        return _of_patterns(folder, split, patterns)
    sides = _sides(root, split) if split else []
    are_of_split, sides = bool(sides), sides or _sides(folder)
    if len(sides) == 1 and not single:
        other = sides[0][:-1] + sides[0][-1].translate(str.maketrans("abAB", "baBA"))
        raise DataError(f"{folder} has a folder {sides[0]}/ but no {other}/: pairs need both")
    sides = sides if len(sides) == 2 else []
    usual, own = "|".join(SPLITS), f"(?-i:{'|'.join(sides)})"
    elsewhere = rf"({own}/)?({usual})/" if folder is root else "(?!)"
    if are_of_split and sides:
        elsewhere = rf"(?!{re.escape(str(split))})({usual})(_?[ab])?/"
    elif sides and split and all((root / side / split).is_dir() for side in sides):
        elsewhere = rf"({usual})/|{own}/(?!{re.escape(split)}/)[^/]+/?"
        sides = [f"{side}/{split}" for side in sides]
    elif split is not None:
        inner = [s for s in SPLITS if any((root / side / s).is_dir() for side in sides)]
        _require_unsplit(root, split, inner if sides else splits_of(root), both=bool(sides))
    if not sides:
        _require_files(folder, single)
        words = "single files" if single else "a | b in one file"
        return Layout(folder, (("*",),), words, re.compile(elsewhere, re.IGNORECASE))
    a, b = sides
    if single:
        raise DataError(
            f"{folder} has pairs: pass one of its folders {a}/ and {b}/, or files='{a}/*'"
        )
    patterns = ((f"{a}/*",), (f"{b}/*",))
    return Layout(folder, patterns, f"folders {a}/ and {b}/", re.compile(elsewhere, re.IGNORECASE))


def splits_of(root: Path, *, by_patterns: bool = False) -> list[str]:
    """Lists the usual splits of a folder; with patterns, its subfolders of these names."""

    def is_inside(split: str) -> bool:
        inner = [root / side / split for side in _sides(root)]
        return len(_sides(root, split)) == 2 or (len(inner) == 2 and all(p.is_dir() for p in inner))

    return [s for s in SPLITS if (root / s).is_dir() or (not by_patterns and is_inside(s))]


def _of_patterns(folder: Path, split: str | None, patterns: Sides) -> Layout:
    words = " and ".join(", ".join(side) for side in patterns)
    if "{split}" not in words:
        if split is not None:
            _require_unsplit(folder, split, splits_of(folder, by_patterns=True))
        return Layout(folder, patterns, words)
    if split is None:
        raise OptionError("split is None, but a pattern has {split}: name the split")
    ours = tuple(tuple(text.replace("{split}", split) for text in side) for side in patterns)
    elsewhere = rf"(?!{_regex(ours)}$){_regex(patterns)}(?<!/)"
    return Layout(folder, ours, words, re.compile(elsewhere))


def _regex(patterns: Sides) -> str:
    """Returns a regex for what the patterns match, with any suffix and in any split."""
    parts = (re.escape("*".join(parsed(text)[:2])) for side in patterns for text in side)
    either = "|".join(part.replace(r"\{split\}", "[^/]+").replace(r"\*", ".+") for part in parts)
    return rf"(?:{either})(?:\.[^/]*)?"


def _sides(folder: Path, split: str = "") -> list[str]:
    """Finds the folders a/ and b/ or A/ and B/; with a split, trainA/ or train_A/, and so on."""
    names = re.compile(f"{re.escape(split)}{'_?' if split else ''}[ab]", re.IGNORECASE)
    found = {name[-1].lower(): name for name in _subfolders(folder) if names.fullmatch(name)}
    return [found[side] for side in sorted(found)]


def _subfolders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _require_unsplit(root: Path, split: str, splits: list[str], *, both: bool = False) -> None:
    """Raises if files of one split could be mistaken for those of another."""
    if splits:
        where = " on both sides" if both else ""
        raise DataError(f"{root} has no split {split!r}{where}; it has {listed(splits)}")
    if split != "train":
        raise DataError(
            f"{root} has no split folders, so no {split!r}: make the folder {root / split}, write "
            "held_out=0.1 to hold out a share as 'val', or write split=None to read all"
        )


def _require_files(folder: Path, single: bool) -> None:
    if any(split_suffix(path.name)[1] in READERS for path in folder.iterdir() if path.is_file()):
        return
    names = [name for name in _subfolders(folder) if name.lower() not in SPLITS]
    hint = f", only the folders {', '.join(f'{name}/' for name in names)}" if names else ""
    if names and single:
        hint += f": write files='{names[0]}/*', or files='*' to read all"
    elif len(names) > 1:
        first, second = (f"'{name}/*'" for name in names[:2])
        hint += (
            f": write a={first}, b={second}, or the other way round (in a command, "
            f"--a {first} --b {second}), or put pairs into a/ and b/"
        )
    raise DataError(
        f"no images in {folder}: it has no files that end in {', '.join(READERS)}{hint}"
    )
