"""Padding and cropping for generators that downsample several times."""

import warnings
from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import SymInt, Tensor

from ganblocks.errors import GanBlocksWarning, ShapeError

MOST_GROWTH = 8  # of a side, which is 64 times the work
SMALL_SIDE = 32  # shorter sides count as this, so that 8 halvings accept any size


def pad_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Pads by repeating the last row and column until both sides are multiples of at least `least`.

    Warns if this more than doubles a side.

    Raises:
        ShapeError: A side would be more than `MOST_GROWTH` times as long.
    """
    # Not -(-n // multiple): ONNX divides negative sizes toward 0.
    multiples = ((n + multiple - 1) // multiple * multiple for n in x.shape[-2:])
    height, width = (_at_least(n, least) for n in multiples)
    _require_little_padding(x.shape[-2:], (height, width))
    return fit_to(x, height, width)


def _at_least(size: int | SymInt | Tensor, least: int) -> int | SymInt:
    if isinstance(size, Tensor):  # in torch.jit.trace
        return size.clamp(min=least)  # type: ignore[return-value]
    return max(least, size) if isinstance(size, int) else torch.sym_max(least, size)


def fit_to(x: Tensor, height: int | SymInt, width: int | SymInt) -> Tensor:
    """Repeats or crops the last rows and columns to reach this size."""
    for dim, size in ((-2, height), (-1, width)):
        now = x.shape[dim]
        if not (isinstance(size, int) and isinstance(now, int)):
            # A dynamic size of an export: a branch would hold only for the example's size.
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


def _require_little_padding(sides: Sequence[int | SymInt], padded: Sequence[int | SymInt]) -> None:
    """Warns if padding more than doubles a side; raises `ShapeError` above `MOST_GROWTH`."""
    pairs = [
        (before, after)
        for before, after in zip(sides, padded, strict=True)
        if isinstance(before, int) and isinstance(after, int)
    ]
    if len(pairs) < 2:  # a dynamic size of an export
        return
    if any(after > MOST_GROWTH * max(before, SMALL_SIDE) for before, after in pairs):
        # torch 2.11 cannot compile the raising of errors that are not Python's own.
        refuse = torch.compiler.disable(_refuse) if torch.compiler.is_compiling() else _refuse
        refuse(pairs)
    if torch.compiler.is_compiling():
        return
    if any(after > 2 * before for before, after in pairs):
        warnings.warn(_message(pairs, "is"), GanBlocksWarning, stacklevel=2)


def _refuse(pairs: list[tuple[int, int]]) -> NoReturn:
    raise ShapeError(_message(pairs, "would be"), see="image-too-small")


def _message(pairs: list[tuple[int, int]], verb: str) -> str:
    (height, padded_height), (width, padded_width) = pairs
    growth = max(after / before for before, after in pairs)
    fewer = next(count for count in range(1, 100) if growth <= 2**count)
    return (
        f"image of {height}×{width} {verb} padded to {padded_height}×{padded_width}, more than "
        f"twice a side: most of the work is on repeated pixels. Use {fewer} fewer num_downs, or "
        "larger images"
    )


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
