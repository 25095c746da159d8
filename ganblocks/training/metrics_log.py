"""The log of a run: one row of `metrics.csv` for each logged step."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TextIO

from ganblocks.checkpoints import write_atomically
from ganblocks.errors import GanBlocksWarning

COLUMNS = (
    "step",
    "epoch",
    "d_real",
    "d_fake",
    "loss_d",
    "loss_g_adversarial",
    "loss_g_l1",
    "lr",
    "images_per_s",
)
"""The columns; `d_real` and `d_fake` are mean logits, `loss_g_l1` is without its weight."""


class MetricsLog:
    """Appends rows to a CSV file; each is the system's before the next step begins.

    A killed process loses none of them; a power cut may.

    Args:
        path: The file.
        resumed_at: The step of the checkpoint that the run goes on from; rows of later steps,
            which will come again, are taken out.
    """

    def __init__(self, path: Path, *, resumed_at: int = 0) -> None:
        kept = rows_until(path, resumed_at) if path.exists() else []
        if resumed_at and not path.exists():
            warnings.warn(
                f"{path} is gone: the log begins anew after step {resumed_at}",
                GanBlocksWarning,
                stacklevel=3,
            )
        lines = "".join(f"{','.join(row)}\n" for row in [COLUMNS, *kept])
        write_atomically(path, lambda temporary: temporary.write_text(lines, "utf-8"))
        self._file: TextIO = path.open("a", encoding="utf-8", newline="")

    def write(self, row: dict[str, float | int]) -> None:
        """Adds one row; every column must be there."""
        cells = (f"{v:d}" if isinstance(v := row[c], int) else f"{v:.6g}" for c in COLUMNS)
        self._file.write(",".join(cells) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def rows_until(path: Path, step: int) -> list[list[str]]:
    """Reads the whole rows of a log up to a step; what a crash left of a row is left out."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
    return [row for row in rows if row[0].isdecimal() and int(row[0]) <= step]
