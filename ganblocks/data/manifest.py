"""Reads a CSV file with a row per pair and paths relative to its folder."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from unicodedata import normalize

from ganblocks.data.layouts import SPLITS, Sides, split_suffix
from ganblocks.data.readers import READERS
from ganblocks.errors import DataError, did_you_mean, listed

Row = tuple[str, tuple[tuple[Path, ...], ...]]
"""The name, and the files of each side."""


def manifest_splits(path: Path) -> list[str] | None:
    """Lists the usual splits in a CSV file; None if it has no split column."""
    columns, rows = _table(path)
    found = {dict(zip(columns, cells, strict=False)).get("split") for _, cells in rows}
    return [split for split in SPLITS if split in found] if "split" in columns else None


def read_manifest(path: Path, split: str | None, sides: Sides) -> tuple[list[Row], list[str]]:
    """Returns the rows of one split, and a line for each unusable one."""
    columns, table = _table(path)
    needed = [*(column for side in sides for column in side), *({"name", "split"} & {*columns})]
    if split not in (None, "train") and "split" not in columns:
        needed.append("split")
    for column in needed:
        if column not in columns:
            hint = "name others by a= and b=" if column != "split" else "or write held_out=0.1"
            guess = did_you_mean(column, columns)
            raise DataError(
                f"{path}, line 1: has no column {column!r}: {guess}it has {listed(columns)}; {hint}"
            )
    rows: list[Row] = []
    problems: list[str] = []
    lines: dict[str, int] = {}
    for line, cells in table:
        row = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
        own = row.get("split", split)
        if own != split and split is not None and own in SPLITS:
            continue
        files = tuple(tuple(_found(path.parent, row[c]) for c in side) for side in sides)
        name = normalize("NFC", row.get("name") or split_suffix(row[sides[0][0]])[0])
        name = "/".join(part for part in name.split("/") if part.strip("."))  # no path to above
        if len(cells) != len(columns):
            trouble = f"has {len(cells)} cells, but line 1 has {len(columns)}; fix the row"
        elif empty := [column for column in needed if not row[column]]:
            trouble = f"has no {', '.join(empty)}; fill the cell"
        elif lost := [str(file) for side in files for file in side if not file.is_file()]:
            trouble = f"names {', '.join(lost)}, which does not exist; fix the path"
        elif odd := [f for side in files for f in side if split_suffix(f.name)[1] not in READERS]:
            trouble = f"names {odd[0]}, which does not end in {', '.join(READERS)}; convert it"
        elif own not in (*SPLITS, split):
            trouble = f"has the split {own!r}: {did_you_mean(own, SPLITS)}write {listed(SPLITS)}"
        elif lines.setdefault(name, line) != line:
            trouble = (
                f"has the name {name!r} of line {lines[name]}; write others in a column 'name'"
            )
        else:
            rows.append((name, files))
            continue
        problems.append(f"{path}, line {line}: {trouble}")
    if not rows and not problems:
        raise DataError(f"{path} has no rows{f' of the split {split!r}' if split else ''}")
    return rows, problems


def _found(folder: Path, name: str) -> Path:
    """Returns the path of a file in the Unicode form used on disk."""
    forms = (folder / name, folder / normalize("NFC", name), folder / normalize("NFD", name))
    return next((path for path in forms if path.is_file()), forms[0])


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8"
        ) from error
    mark = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; fix its quotes") from error
    columns = rows[0][1] if rows else []
    if not columns or len({*columns}) < len(columns):
        raise DataError(f"{path}, line 1: has the columns {listed(columns)}: name each once")
    return columns, rows[1:]
