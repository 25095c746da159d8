"""The logger protocol, and a logger that writes JSON lines."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import GanBlocksWarning
from ganblocks.writing import append, os_errors_explained, write_atomically


@runtime_checkable
class Logger(Protocol):
    """Protocol for loggers: any object with these three methods.

    They are called in the training process, between steps: slow methods delay training. An
    exception is reported once, as a warning, and training continues. When a run resumes, a logger
    should drop its entries for later steps.

    Examples:
        A logger that keeps the best L1:

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
        """Logs the numbers of a step.

        Args:
            row: Numbers by name, possibly NaN or infinite; `"step"` is always present, other
                names may differ from row to row.
        """

    def log_image(self, step: int, grid: Tensor) -> None:
        """Logs a grid of samples.

        Args:
            step: The step.
            grid: The grid, uint8 (3, H, W).
        """

    def close(self) -> None:
        """Called once at the end, even if training fails."""


@checked
class JsonLinesLogger:
    """Appends rows to a file, one JSON object per line, written at every step.

    Nothing is lost if the process is killed; a power failure may lose the last rows. JSON has no
    NaN or infinity: they are written as `"NaN"`, `"Infinity"` and `"-Infinity"`, which `float()` in
    Python and `Number()` in JavaScript read back. Grids are ignored.

    Args:
        path: The file; rows of an earlier run are removed, except those that `resumed_at` keeps.
        resumed_at: The step that the run resumes from: rows up to it are kept.

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
        self._path = Path(path)
        kept = objects_until(self._path, resumed_at) if self._path.exists() else []
        rewrite(self._path, map(json.dumps, kept), resumed_at)

    def log(self, row: Mapping[str, float | int | str]) -> None:
        """Writes one row, in full precision.

        Args:
            row: Numbers and strings by name, including `"step"`.
        """
        values = {name: _json_value(value) for name, value in row.items()}
        append(self._path, json.dumps(values, allow_nan=False) + "\n")

    def log_image(self, step: int, grid: Tensor) -> None:
        """Does nothing: the file has no images.

        Args:
            step: The step.
            grid: The grid.
        """

    def close(self) -> None:
        """Does nothing: the file is closed after every row."""


def _json_value(value: float | str) -> float | str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return value


def objects_until(path: Path, step: int) -> list[dict[str, Any]]:
    """Reads the complete objects of a file of JSON lines, up to a step."""
    objects = []
    with os_errors_explained(path):
        lines = path.read_bytes().split(b"\n")
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:  # truncated, or not UTF-8
            continue
        row_step = row.get("step") if isinstance(row, dict) else None
        if isinstance(row_step, int) and row_step <= step:
            objects.append(row)
    return objects


def rewrite(path: Path, lines: Iterable[str], resumed_at: int) -> None:
    """Replaces the lines of a log atomically."""
    if resumed_at and not path.exists():
        warnings.warn(
            f"{path} is missing: the log starts after step {resumed_at}",
            GanBlocksWarning,
            stacklevel=4,
        )
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
