"""The log of a run: one row of `metrics.csv` for each logged step."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TextIO

from ganblocks.checkpoints import write_atomically
from ganblocks.errors import GanBlocksWarning
from ganblocks.losses import Objective

COLUMNS = ("step", "epoch", "d_real", "d_fake", "loss_d", "lr", "images_per_s")
"""The columns of every log; `d_real` and `d_fake` are mean logits."""


def columns_of(objective: Objective) -> tuple[str, ...]:
    """Gives the columns of a run: those of every log, and each term without its weight.

    Examples:
        >>> columns_of(Objective({"adversarial": "vanilla", "r1": "r1"}))[5:7]
        ('loss_d_r1', 'loss_g_adversarial')
    """
    terms = [f"loss_d_{name}" for name in objective.penalties]
    terms += [f"loss_g_{name}" for name in objective.generator_terms]
    return (*COLUMNS[:5], *terms, *COLUMNS[5:])


class MetricsLog:
    """Appends rows to a CSV file; each is the system's before the next step begins.

    A killed process loses none of them; a power cut may.

    Args:
        path: The file.
        columns: The names of its columns.
        resumed_at: The step of the checkpoint that the run goes on from; rows of later steps,
            which will come again, are taken out.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], *, resumed_at: int = 0) -> None:
        self.columns = columns
        kept = rows_until(path, columns, resumed_at) if path.exists() else []
        if resumed_at and not path.exists():
            warnings.warn(
                f"{path} is not there: the log begins after step {resumed_at}",
                GanBlocksWarning,
                stacklevel=3,
            )
        lines = "".join(f"{','.join(row)}\n" for row in [columns, *kept])
        write_atomically(path, lambda temporary: temporary.write_text(lines, "utf-8"))
        self._file: TextIO = path.open("a", encoding="utf-8", newline="")

    def write(self, row: dict[str, float | int]) -> None:
        """Adds one row; the cell of a column that is not there stays empty."""
        values = (row.get(column, "") for column in self.columns)
        cells = (f"{v:.6g}" if isinstance(v, float) else str(v) for v in values)
        self._file.write(",".join(cells) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def rows_until(path: Path, columns: tuple[str, ...], step: int) -> list[list[str]]:
    """Reads the whole rows of a log up to a step; what a crash left of a row is left out.

    Args:
        path: The file.
        columns: The columns that are wanted, in their order. The cells of one that the log does
            not have are empty; a term that it has and that is not wanted is warned of.
        step: The last step to take.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        read = list(csv.reader(file))
    header = next((row for row in read if row[:1] == ["step"]), list(columns))
    if dropped := [name for name in header if name not in columns]:
        warnings.warn(
            f"{path} has columns that this run does not write, and loses them: "
            f"{', '.join(dropped)}. Keep a copy to compare",
            GanBlocksWarning,
            stacklevel=4,
        )
    whole = [dict(zip(header, row, strict=True)) for row in read if len(row) == len(header)]
    kept = [row for row in whole if row["step"].isdecimal() and int(row["step"]) <= step]
    return [[row.get(column, "") for column in columns] for row in kept]
