"""How many outputs see each pixel, and how many see nothing but pixels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.rf.geometry import ReceptiveField


def coverage(field: ReceptiveField) -> Tensor:
    """Counts how many outputs see each pixel of the image.

    Args:
        field: That of a network on two-dimensional images.

    Returns:
        (H, W), whole numbers, at the size that was walked.

    Raises:
        OptionError: The field was written by hand, or has other than two axes.

    Examples:
        >>> from ganblocks import receptive_field
        >>> coverage(receptive_field(torch.nn.Conv2d(1, 1, 3, stride=2), (1, 3, 5)))
        tensor([[1, 1, 2, 1, 1],
                [1, 1, 2, 1, 1],
                [1, 1, 2, 1, 1]])
    """
    require_two_axes(field)
    top, left, bottom, right = field.supports().reshape(-1, 4).T
    height, width = field.input_size
    # A box is four marks; what they add up to from the upper left is 1 inside it and 0 outside.
    marks = np.zeros((height + 1, width + 1), np.int64)
    for row, column, sign in [
        (top, left, 1),
        (top, right, -1),
        (bottom, left, -1),
        (bottom, right, 1),
    ]:
        np.add.at(marks, (row, column), sign)
    return torch.from_numpy(marks.cumsum(0).cumsum(1)[:height, :width])


def clear_outputs(field: ReceptiveField, size: Sequence[int], map_size: Sequence[int]) -> int:
    """Counts the outputs whose field lies inside the image, so that they see no padding.

    Examples:
        >>> clear_outputs(ReceptiveField((70, 70), (8, 8), (23, 23)), (256, 256), (30, 30))
        576
    """
    counts = []
    for axis, (length, count) in enumerate(zip(size, map_size, strict=True)):
        first = np.arange(count) * int(field.stride[axis]) - int(field.padding[axis])
        counts.append(int(((first >= 0) & (first + int(field.size[axis]) <= length)).sum()))
    return prod(counts)


def require_two_axes(field: ReceptiveField) -> None:
    """Raises `OptionError` unless a field is that of two-dimensional images."""
    if len(field.size) != 2:
        raise OptionError(f"a field of {len(field.size)} axes has no picture: only two have")
