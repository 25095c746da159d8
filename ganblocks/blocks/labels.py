"""Class labels of conditional networks."""

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError


def require_labels(who: str, labels: Tensor | None, batch: int, num_classes: int) -> None:
    """Raises an error unless there is one label per image, or no labels and no classes.

    Values are checked only on the CPU, because reading them would synchronize a GPU.
    """
    if (labels is not None) != (num_classes > 0):
        remedy = "pass a label for each image" if num_classes else "leave labels out"
        raise OptionError(f"{who} has num_classes={num_classes}: {remedy}")
    if labels is None:
        return
    if labels.shape != (batch,) or labels.dtype != torch.int64:
        raise ShapeError(
            f"{who} got labels of shape {tuple(labels.shape)} and {labels.dtype}: pass a tensor of "
            f"shape ({batch},) and torch.int64"
        )
    readable = labels.device.type == "cpu" and not torch.compiler.is_compiling()
    if readable and ((labels < 0) | (labels >= num_classes)).any():
        raise OptionError(
            f"{who} got the labels {sorted(set(labels.tolist()))}: with num_classes={num_classes} "
            f"they are 0 to {num_classes - 1}"
        )
