"""Padding and cropping for generators that halve their maps several times."""

import torch
from torch import SymInt, Tensor

from ganblocks.errors import ShapeError


def pad_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Repeats the last row and column until both sides are multiples and at least `least`."""
    # Not -(-n // multiple): ONNX divides negative sizes towards 0.
    height, width = ((n + multiple - 1) // multiple * multiple for n in x.shape[-2:])
    return fit_to(x, torch.sym_max(least, height), torch.sym_max(least, width))


def fit_to(x: Tensor, height: int | SymInt, width: int | SymInt) -> Tensor:
    """Repeats or crops the last rows and columns to obtain this size."""
    for dim, size in ((-2, height), (-1, width)):
        now = x.shape[dim]
        if not (isinstance(size, int) and isinstance(now, int)):
            # A free size of an export: a branch would hold for the example's size alone.
            places = torch.arange(size, device=x.device).clamp(max=now - 1)
            x = x.index_select(dim, places)
        elif size > now:
            # Not F.pad: torch.compile can't differentiate replicate padding in channels_last.
            shape = [*x.shape]
            shape[dim] = size - now
            x = torch.cat((x, x.narrow(dim, now - 1, 1).expand(shape)), dim)
        elif size < now:
            x = x.narrow(dim, 0, size)
    return x


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
