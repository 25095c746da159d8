"""The log of a run: one row of `metrics.csv` for each logged step."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ganblocks.errors import GanBlocksWarning
from ganblocks.losses import Objective
from ganblocks.training.loggers import reopen

_BEFORE = ("step", "epoch", "d_real", "d_fake", "d_spread", "d_accuracy", "loss_d")
_AFTER = (
    *("grad_norm_d", "grad_norm_g", "grad_image", "grad_image_d", "skipped"),
    *("lr", "lr_d", "images_per_s"),
)


def columns_of(objective: Objective) -> tuple[str, ...]:
    """Gives the columns of a run: those of every log, and each term without its weight.

    `train_step` says what they are.

    Examples:
        >>> columns_of(Objective({"adversarial": "vanilla", "r1": "r1"}))[7:9]
        ('loss_d_r1', 'loss_g_adversarial')
    """
    terms = [f"loss_d_{name}" for name in objective.penalties]
    terms += [f"loss_g_{name}" for name in objective.generator_terms]
    return (*_BEFORE, *terms, *_AFTER)


class MetricsLog:
    """Appends rows to a CSV file; each is the system's before the next step begins.

    A killed process loses none of them; a power cut may. The pictures of a run are files of
    their own.

    Args:
        path: The file.
        columns: The names of its columns.
        resumed_at: The step of the checkpoint that the run goes on from; rows of later steps,
            which will come again, are taken out.

    Raises:
        RunError: The file cannot be written.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], *, resumed_at: int = 0) -> None:
        self.columns = columns
        kept = rows_until(path, columns, resumed_at) if path.exists() else []
        self._file = reopen(path, map(",".join, [columns, *kept]), resumed_at)

    def log(self, row: Mapping[str, float | int]) -> None:
        """Adds one row; the cell of a column that is not there stays empty."""
        values = (row.get(column, "") for column in self.columns)
        cells = (f"{v:.6g}" if isinstance(v, float) else str(v) for v in values)
        self._file.write(",".join(cells) + "\n")
        self._file.flush()

    def picture(self, step: int, sheet: Tensor) -> None:
        """Does nothing: the file holds no pictures."""

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
