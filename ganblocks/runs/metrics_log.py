"""The log of a run: one row of `metrics.csv` for each logged step."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ganblocks.runs.loggers import reopen


class MetricsLog:
    """Appends rows to a CSV file; each is the system's before the next step begins.

    A killed process loses none of them; a power cut may. A column that comes later, of a term that
    starts later, is added to the whole file in one move.

    Args:
        path: The file.
        resumed_at: The step of the checkpoint that the run goes on from; rows of later steps,
            which will come again, are taken out.

    Raises:
        RunError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = MetricsLog(Path(folder) / "metrics.csv")
        ...     log.log({"step": 1, "loss_d": 0.5})
        ...     log.log({"step": 2, "loss_d": 0.25, "val_l1": 0.125})
        ...     log.close()
        ...     print((Path(folder) / "metrics.csv").read_text())
        step,loss_d,val_l1
        1,0.5,
        2,0.25,0.125
    """

    def __init__(self, path: Path, *, resumed_at: int = 0) -> None:
        self._path = path
        self.columns, kept = rows_until(path, resumed_at) if path.exists() else ([], [])
        lines = [",".join(cells) for cells in ([self.columns] if self.columns else []) + kept]
        self._file = reopen(path, lines, resumed_at)

    def log(self, row: Mapping[str, float | int]) -> None:
        """Adds one row; the cell of a column that is not there stays empty.

        Args:
            row: From column to number; `"step"` must be there.
        """
        if new := [column for column in row if column not in self.columns]:
            self._widen(new)
        values = (row.get(column, "") for column in self.columns)
        cells = (f"{v:.6g}" if isinstance(v, float) else str(v) for v in values)
        self._file.write(",".join(cells) + "\n")
        self._file.flush()

    def log_image(self, step: int, grid: Tensor) -> None:
        """Does nothing: the pictures of a run are files of their own.

        Args:
            step: The step.
            grid: The grid.
        """

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _widen(self, new: list[str]) -> None:
        self._file.close()
        with self._path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        self.columns = [*self.columns, *new]
        empty = [""] * len(new)
        lines = [self.columns, *([*row, *empty] for row in rows)]
        self._file = reopen(self._path, map(",".join, lines), 0)


def rows_until(path: Path, step: int) -> tuple[list[str], list[list[str]]]:
    """Reads the columns and the whole rows of a log up to a step.

    What a crash left of a row is left out.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        read = list(csv.reader(file))
    header = next((row for row in read if row[:1] == ["step"]), [])
    kept = [
        row
        for row in read
        if len(row) == len(header) and row[0].isdecimal() and int(row[0]) <= step
    ]
    return header, kept
