"""A logger that writes numbers and grids for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError
from ganblocks.writing import os_errors_explained

GROUPS = {"loss_": "losses", "grad_norm_": "gradients", "d_": "discriminator"}
"""TensorBoard headings, by prefix of the column."""


@checked
class TensorBoardLogger:
    """Writes event files for TensorBoard, which needs `pip install "ganblocks[tensorboard]"`.

    Numbers are written as scalars under the headings losses, gradients, discriminator and training;
    grids are written as images. `tensorboard --logdir FOLDER` shows them, even during training.
    Nothing is lost if the process is killed.

    Args:
        folder: Folder for the event files, such as the run's folder or a subfolder.
        resumed_at: The step that the run resumes from; TensorBoard hides entries of later steps.

    Raises:
        OptionError: The tensorboard package is not installed.
        RunError: The folder cannot be written.

    Examples:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     logger = TensorBoardLogger(folder)
        ...     logger.log({"step": 1, "loss_d": 0.5, "lr": 2e-4})
        ...     logger.log_image(1, torch.zeros(3, 4, 4, dtype=torch.uint8))
        ...     logger.close()
        ...     len(list(Path(folder).glob("events.out.tfevents.*")))
        1
    """

    def __init__(self, folder: str | Path, *, resumed_at: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise OptionError(
                f"TensorBoardLogger needs the tensorboard package ({error}): "
                'pip install "ganblocks[tensorboard]"'
            ) from error
        with os_errors_explained(Path(folder)):
            self._writer = SummaryWriter(str(folder), purge_step=resumed_at + 1)

    def log(self, row: Mapping[str, float | int]) -> None:
        """Writes one row as scalars.

        Args:
            row: Numbers by name, including `"step"`.
        """
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(tag_of(name), value, int(row["step"]))
        self._writer.flush()

    def log_image(self, step: int, grid: Tensor) -> None:
        """Writes a grid as an image.

        Args:
            step: The step.
            grid: The grid, uint8 (3, H, W).
        """
        self._writer.add_image("samples", grid, step)
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


def tag_of(name: str) -> str:
    """Returns a column's name with its heading, unless it already has one."""
    if "/" in name:
        return name
    heading = next((GROUPS[start] for start in GROUPS if name.startswith(start)), "training")
    return f"{heading}/{name}"
