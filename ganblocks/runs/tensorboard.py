"""The numbers and pictures of a training, written for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ganblocks.errors import OptionError, RunError

GROUPS = {"loss_": "losses", "grad_norm_": "gradients", "d_": "discriminator"}
"""How names begin, and the heading that TensorBoard shows them under."""


class TensorBoardLogger:
    """Writes event files for TensorBoard, which needs `pip install "ganblocks[tensorboard]"`.

    Numbers are scalars under the headings losses, gradients, discriminator and training, grids
    are images. `tensorboard --logdir FOLDER` shows them, also while the training runs. A killed
    process loses none of them.

    Args:
        folder: Where the event files go, such as the run's folder or one below it.
        resumed_at: The step of the checkpoint that the run goes on from: TensorBoard no longer
            shows what the folder has of later steps, which will come again.

    Raises:
        OptionError: The package tensorboard is not installed.
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
                f"TensorBoardLogger needs the package tensorboard ({error}): "
                'pip install "ganblocks[tensorboard]"'
            ) from error
        try:
            self._writer = SummaryWriter(str(folder), purge_step=resumed_at + 1)
        except OSError as error:
            raise RunError(
                f"cannot write {folder} ({error.strerror or error}): give a folder of your own"
            ) from None

    def log(self, row: Mapping[str, float | int]) -> None:
        """Writes one row as scalars.

        Args:
            row: From name to number; `"step"` must be there.
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
    """Returns the tag of a column: its name under a heading; one that has a heading keeps it."""
    if "/" in name:
        return name
    group = next((GROUPS[start] for start in GROUPS if name.startswith(start)), "training")
    return f"{group}/{name}"
