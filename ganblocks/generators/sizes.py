"""Padding and cropping for generators that halve their maps several times."""

import torch
from torch import Tensor

from ganblocks.errors import ShapeError


def pad_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Repeats the last row and column until both sides are multiples and at least `least`."""
    height, width = (max(least, -(-n // multiple) * multiple) for n in x.shape[-2:])
    return fit_to(x, height, width)


def fit_to(x: Tensor, height: int, width: int) -> Tensor:
    """Repeats or crops the last rows and columns to obtain this size."""
    bottom, right = height - x.shape[-2], width - x.shape[-1]
    # Not F.pad: torch.compile can't differentiate replicate padding in channels_last.
    if bottom > 0:
        x = torch.cat((x, x[..., -1:, :].expand(-1, -1, bottom, -1)), -2)
    if right > 0:
        x = torch.cat((x, x[..., -1:].expand(-1, -1, -1, right)), -1)
    return x[..., :height, :width] if bottom < 0 or right < 0 else x


def require_multiple(height: int, width: int, multiple: int) -> None:
    """Raises `ShapeError`, naming the two nearest valid sizes, unless both sides are multiples."""
    if height % multiple or width % multiple:
        below = tuple(max(multiple, n // multiple * multiple) for n in (height, width))
        above = tuple(-(-n // multiple) * multiple for n in (height, width))
        raise ShapeError(
            f"image of {height}×{width}: with size_policy='strict' both sides must be multiples "
            f"of {multiple}. Nearest: {below[0]}×{below[1]} and {above[0]}×{above[1]}; or write "
            "size_policy='pad' for any size",
            see="sizes-must-match",
        )
