"""The base class of callbacks, which `fit` calls between steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor

from ganblocks.errors import GanBlocksWarning
from ganblocks.tasks import Batch

if TYPE_CHECKING:
    from ganblocks.training.training import Training


class Reporting:
    """Turns errors of reporters into warnings, once per reporter, so that training continues."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    @contextmanager
    def by(self, reporter: str) -> Iterator[None]:
        """Context that turns errors into a warning that names the reporter."""
        try:
            yield
        except Warning:  # which the user's filter turns into an error
            raise
        except Exception as error:
            if reporter not in self._told:
                self._told.add(reporter)
                reason = str(error).partition("\n")[0] or type(error).__name__
                message = f"{reporter} failed, but training continues: {reason}"
                warnings.warn(message, GanBlocksWarning, stacklevel=4)


class Callback:
    """Base class: `fit` calls these methods between the steps; by default they do nothing.

    With several processes, each has its own callbacks, and files should only be written if
    `training.context.is_main_process` is True.

    Attributes:
        only_reports: Whether its errors become a warning (once) instead of ending the training;
            errors of `start` are always raised.

    Examples:
        >>> class StopAt(Callback):
        ...     def log(self, training, row):
        ...         if row.get("loss_g_l1", 1) < 0.1:
        ...             training.stop()
    """

    only_reports = False

    def start(self, training: Training) -> None:
        """Called before the first step, after the checkpoint of a resumed run is loaded.

        Args:
            training: The state of the run.
        """

    def step(self, training: Training, batch: Batch, metrics: Mapping[str, Tensor]) -> None:
        """Called after each step.

        Args:
            training: The state of the run.
            batch: The batch of the step.
            metrics: The result of `Updater.step`, on the device; reading a value waits for the
                device.
        """

    def log(self, training: Training, row: Mapping[str, float]) -> None:
        """Called with each row of the log, every `log_every` steps.

        Args:
            training: The state of the run.
            row: The latest value of each metric, by column, including `step`.
        """

    def sample(self, training: Training) -> None:
        """Called every `sample_every` steps, to inspect what the networks generate.

        Args:
            training: The state of the run.
        """

    def grid(self, training: Training, grid: Tensor) -> None:
        """Called with each grid of samples.

        Args:
            training: The state of the run.
            grid: uint8 pixels (3, H, W).
        """

    def score(self, training: Training) -> None:
        """Called every `score_every` steps, before the row of that step.

        Args:
            training: The state of the run; put the scores into its `scores`.
        """

    def checkpoint(self, training: Training) -> None:
        """Called after each checkpoint.

        Args:
            training: The state of the run.
        """

    def close(self) -> None:
        """Called once at the end, even if training fails."""
