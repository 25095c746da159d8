"""Where the numbers of a training go: the protocol of a logger, and one that writes JSON lines."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

from torch import Tensor

from ganblocks.errors import GanBlocksWarning
from ganblocks.runs.folder import write_atomically


@runtime_checkable
class Logger(Protocol):
    """Where a training logs numbers and grids: any object with these three methods.

    They are called in the training's own process, between two steps: what takes long holds the
    training up, and what one raises ends it. A logger that goes on from a checkpoint should
    forget what it has of later steps, which will come again.

    Examples:
        One of your own, which keeps the best L1:

        >>> class BestL1:
        ...     def __init__(self):
        ...         self.step, self.value = 0, float("inf")
        ...
        ...     def log(self, row):
        ...         if row.get("loss_g_l1", self.value) < self.value:
        ...             self.step, self.value = row["step"], row["loss_g_l1"]
        ...
        ...     def log_image(self, step, grid):
        ...         pass
        ...
        ...     def close(self):
        ...         print(f"best L1 {self.value} at step {self.step}")
        >>> logger = BestL1()
        >>> isinstance(logger, Logger)
        True
        >>> for step, l1 in [(1, 0.5), (2, 0.25), (3, 0.375)]:
        ...     logger.log({"step": step, "loss_g_l1": l1})
        >>> logger.close()
        best L1 0.25 at step 2
    """

    def log(self, row: Mapping[str, float | int]) -> None:
        """Takes the numbers of a step.

        Args:
            row: From name to number, NaN and infinity among them; `"step"` is always there, and
                the others need not be the same in every row.
        """

    def log_image(self, step: int, grid: Tensor) -> None:
        """Takes a grid of samples.

        Args:
            step: The step.
            grid: The grid, uint8 (3, H, W).
        """

    def close(self) -> None:
        """Is called once, at the end, also when the training fails."""


class JsonLinesLogger:
    """Appends rows to a file of one JSON object a line; each is the system's before the next step.

    A killed process loses none of them; a power cut may. JSON has no NaN and no infinity: they
    are written as the text `"NaN"`, `"Infinity"` and `"-Infinity"`, which `float()` in Python and
    `Number()` in JavaScript read back. Pictures are left to other loggers.

    Args:
        path: The file. What an earlier training left there goes, up to what `resumed_at` keeps.
        resumed_at: The step of the checkpoint that the run goes on from: rows up to it stay, and
            rows of later steps, which will come again, are taken out.

    Raises:
        RunError: The file cannot be written.

    Examples:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "metrics.jsonl"
        ...     logger = JsonLinesLogger(path)
        ...     for step in (1, 2, 3):
        ...         logger.log({"step": step, "loss_d": 0.5})
        ...     logger.close()
        ...     logger = JsonLinesLogger(path, resumed_at=2)
        ...     logger.log({"step": 3, "loss_d": float("nan")})
        ...     logger.log_image(3, torch.zeros(3, 4, 4, dtype=torch.uint8))  # does nothing
        ...     logger.close()
        ...     print(path.read_text())
        {"step": 1, "loss_d": 0.5}
        {"step": 2, "loss_d": 0.5}
        {"step": 3, "loss_d": "NaN"}
    """

    def __init__(self, path: str | Path, *, resumed_at: int = 0) -> None:
        path = Path(path)
        kept = objects_until(path, resumed_at) if path.exists() else []
        self._file = reopen(path, map(json.dumps, kept), resumed_at)

    def log(self, row: Mapping[str, float | int | str]) -> None:
        """Adds one row, with every digit; text may be in it as well.

        Args:
            row: From name to value; `"step"` must be there.
        """
        values = {name: _in_json(value) for name, value in row.items()}
        self._file.write(json.dumps(values, allow_nan=False) + "\n")
        self._file.flush()

    def log_image(self, step: int, grid: Tensor) -> None:
        """Does nothing: the file holds no pictures.

        Args:
            step: The step.
            grid: The grid.
        """

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _in_json(value: float | str) -> float | str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return value


def objects_until(path: Path, step: int) -> list[dict[str, Any]]:
    """Reads the objects of a file of JSON lines up to a step, without what a crash left of one."""
    kept = []
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:  # cut short, or no UTF-8
            continue
        of = row.get("step") if isinstance(row, dict) else None
        if isinstance(of, int) and of <= step:
            kept.append(row)
    return kept


def reopen(path: Path, kept: Iterable[str], resumed_at: int) -> TextIO:
    """Replaces a log, in one move, by what is kept of it, and opens it to append."""
    if resumed_at and not path.exists():
        warnings.warn(
            f"{path} is not there: the log begins after step {resumed_at}",
            GanBlocksWarning,
            stacklevel=4,
        )
    lines = "".join(f"{line}\n" for line in kept)
    write_atomically(path, lambda temporary: temporary.write_bytes(lines.encode()))
    return path.open("a", encoding="utf-8", newline="")
