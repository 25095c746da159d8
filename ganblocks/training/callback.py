"""The base of callbacks: what a training calls between its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from ganblocks.tasks import Batch

if TYPE_CHECKING:
    from ganblocks.training.session import Training


class Callback:
    """Something that `fit` calls between the steps; every method does nothing by default.

    Of several processes each has callbacks of its own, and `training.context.is_main_process`
    tells which one writes.

    Examples:
        >>> class StopAt(Callback):
        ...     def row(self, training, row):
        ...         if row.get("loss_g_l1", 1) < 0.1:
        ...             training.stop()
    """

    def start(self, training: Training) -> None:
        """Called before the first step, once a resumed training is where it was.

        Args:
            training: The training.
        """

    def step(self, training: Training, batch: Batch, figures: Mapping[str, Tensor]) -> None:
        """Called after each step.

        Args:
            training: The training.
            batch: What the step learned from.
            figures: What `Updater.step` returned, on the device: to read one waits for it.
        """

    def row(self, training: Training, row: Mapping[str, float]) -> None:
        """Called with each row of the log, every `log_every` steps.

        Args:
            training: The training.
            row: From column to number, the newest of each figure; `step` among them.
        """

    def look(self, training: Training) -> None:
        """Called every `sample_every` steps: to look at what the networks make.

        Args:
            training: The training.
        """

    def grid(self, training: Training, grid: Tensor) -> None:
        """Called with each grid of samples.

        Args:
            training: The training.
            grid: uint8 pixels (3, H, W).
        """

    def score(self, training: Training) -> None:
        """Called when held-out scores are due, before the row of that step.

        Args:
            training: The training; scores go into its `scores`.
        """

    def saved(self, training: Training) -> None:
        """Called after each checkpoint.

        Args:
            training: The training.
        """

    def close(self) -> None:
        """Called once, at the end, also when the training fails."""
