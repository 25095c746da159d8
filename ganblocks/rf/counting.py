"""Counts the outputs that see each pixel, and those that see no padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError
from ganblocks.rf.field import ReceptiveField


@checked
def coverage(field: ReceptiveField) -> Tensor:
    """Counts how many outputs see each pixel of the image.

    Args:
        field: The field of a network on two-dimensional images.

    Returns:
        Integers (H, W), at the traced size.

    Raises:
        OptionError: The field was constructed directly, or does not have two axes.

    Examples:
        >>> from ganblocks import receptive_field
        >>> coverage(receptive_field(torch.nn.Conv2d(1, 1, 3, stride=2), (1, 3, 5)))
        tensor([[1, 1, 2, 1, 1],
                [1, 1, 2, 1, 1],
                [1, 1, 2, 1, 1]])
    """
    require_two_axes(field)
    return sums_over_supports(field, torch.ones(prod(field.map_size), dtype=torch.int64))


def sums_over_supports(field: ReceptiveField, values: Tensor) -> Tensor:
    """Returns, for each pixel, the sum of the values of the outputs that see it (H, W)."""
    top, left, bottom, right = torch.from_numpy(field.supports()).reshape(-1, 4).T
    height, width = field.input_size
    # The cumulative sum of these four corners is the value inside the box and 0 outside.
    corners = torch.zeros(height + 1, width + 1, dtype=values.dtype)
    for row, column, signed in (
        (top, left, values),
        (top, right, -values),
        (bottom, left, -values),
        (bottom, right, values),
    ):
        corners.index_put_((row, column), signed, accumulate=True)
    return corners.cumsum(0).cumsum(1)[:height, :width]


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
    """Raises `OptionError` unless a field belongs to two-dimensional images."""
    if len(field.size) != 2:
        raise OptionError(f"a field with {len(field.size)} axes cannot be drawn: it must have two")
