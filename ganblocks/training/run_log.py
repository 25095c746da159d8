"""The log that a run keeps in its own folder: rows in `metrics.csv`, grids in `samples/`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ganblocks.checkpoints import RunFolder
from ganblocks.training.metrics_log import MetricsLog


class RunLog:
    """A logger that writes into a run's folder.

    Args:
        run: The folder.
        columns: The columns of its log.
        resumed_at: The step that the run goes on from.

    Raises:
        RunError: The folder cannot be written.
    """

    def __init__(self, run: RunFolder, columns: tuple[str, ...], *, resumed_at: int) -> None:
        self._run = run
        self._rows = MetricsLog(run.metrics, columns, resumed_at=resumed_at)
        for path in run.samples.glob("step_*.png"):  # of steps that will come again
            if path.stem[5:].isdecimal() and int(path.stem[5:]) > resumed_at:
                path.unlink()

    def log(self, row: Mapping[str, float | int]) -> None:
        """Adds a row to `metrics.csv`.

        Args:
            row: From column to number.
        """
        self._rows.log(row)

    def picture(self, step: int, sheet: Tensor) -> None:
        """Writes a grid into `samples/`.

        Args:
            step: The step.
            sheet: The grid, uint8 (3, H, W).
        """
        self._run.save_sample(step, sheet)

    def close(self) -> None:
        """Closes the log."""
        self._rows.close()
