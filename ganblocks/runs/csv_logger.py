"""The logger that writes `metrics.csv`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from ganblocks.runs.loggers import rewrite
from ganblocks.writing import append


class CsvLogger:
    """Appends rows to a CSV file, written at every step.

    Nothing is lost if the process is killed; a power failure may lose the last rows. A new column,
    as for a term that starts later, rewrites the whole file atomically.

    Args:
        path: The file.
        resumed_at: The step that the run resumes from: rows of later steps are removed.

    Raises:
        RunError: The file cannot be written.
    """

    def __init__(self, path: Path, *, resumed_at: int = 0) -> None:
        self._path = path
        self.columns, rows = rows_until(path, resumed_at) if path.exists() else ([], [])
        self._rewrite(rows, resumed_at)

    def log(self, row: Mapping[str, float | int]) -> None:
        """Writes one row; cells of missing columns stay empty.

        Args:
            row: Numbers by column, including `"step"`.
        """
        new = [column for column in row if column not in self.columns]
        if new or not self._path.exists():  # it was deleted
            rows = rows_until(self._path, int(row["step"]))[1] if self._path.exists() else []
            self._rewrite([[*x, *[""] * len(new)] for x in rows], int(row["step"]) - 1, new)
        values = (row.get(column, "") for column in self.columns)
        cells = (f"{v:.6g}" if isinstance(v, float) else str(v) for v in values)
        append(self._path, ",".join(cells) + "\n")

    def log_image(self, step: int, grid: Tensor) -> None:
        """Does nothing: grids are separate files.

        Args:
            step: The step.
            grid: The grid.
        """

    def close(self) -> None:
        """Does nothing: the file is closed after every row."""

    def _rewrite(self, rows: list[list[str]], resumed_at: int, new: Sequence[str] = ()) -> None:
        columns = [*self.columns, *new]
        lines = [columns, *rows] if columns else rows
        rewrite(self._path, map(",".join, lines), resumed_at)
        self.columns = columns  # an error may have left the old ones in the file


def rows_until(path: Path, step: int) -> tuple[list[str], list[list[str]]]:
    """Reads the columns and the complete rows of a log, up to a step."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))
    header = next((row for row in rows if row[:1] == ["step"]), [])
    kept = [
        row
        for row in rows
        if len(row) == len(header) and row[0].isdecimal() and int(row[0]) <= step
    ]
    return header, kept
