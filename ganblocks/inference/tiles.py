"""Runs a network on a large image, tile by tile."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from ganblocks.data.readers import as_dtype
from ganblocks.errors import GanBlocksError, GanBlocksWarning, OptionError
from ganblocks.rf import receptive_field

GRID = 64
"""Tiles start at multiples of this and of the network's total stride."""


class Span(NamedTuple):
    """One tile along one axis: the part that it writes, and the wider part that it reads."""

    start: int
    stop: int
    read_start: int
    read_stop: int


def spans(length: int, tile: int, margin: int) -> Iterator[Span]:
    """Yields the tiles along an axis; each reads `margin` more on both sides, inside the image.

    Args:
        length: Length of the axis.
        tile: Maximum number of pixels to read.
        margin: Pixels that are read but not written; less than half a tile.

    Examples:
        >>> [span[:2] for span in spans(100, 64, 16)]
        [(0, 32), (32, 64), (64, 100)]
    """
    if length <= tile:
        yield Span(0, length, 0, length)
        return
    step = tile - 2 * margin
    for start in range(0, length - margin, step):
        stop = start + step if start + step < length - margin else length
        yield Span(start, stop, max(0, start - margin), min(length, stop + margin))


class Tiling(NamedTuple):
    """How images are cut into tiles.

    Attributes:
        size: The side of a tile.
        margin: Pixels on each side that are read but not written.
        seamless: Whether the margin covers the receptive field, so that tiles equal the whole
            image.
    """

    size: int
    margin: int
    seamless: bool


def plan_tiles(network: nn.Module, channels: int, tile: int, *, fixed_statistics: bool) -> Tiling:
    """Returns a tiling aligned with the network's stride; warns if it changes the result.

    Args:
        network: The network.
        channels: Channels of its input.
        tile: The requested size.
        fixed_statistics: Whether the network normalizes all images by the same statistics.

    Raises:
        OptionError: The tile is smaller than four times the stride.
    """
    grid = math.lcm(GRID, int(getattr(network, "size_multiple", 1)))
    size = tile // grid * grid
    if size < 4 * grid:
        raise OptionError(f"tile is {tile}: write at least {4 * grid} for this network")
    try:
        field: Any = receptive_field(network, (channels, size, size))
        sides = (max(p, s - 1 - p) for p, s in zip(field.padding, field.size, strict=True))
        needed, seen = -(-int(max(sides)) // grid) * grid, f"{max(field.size)} pixels"
    except GanBlocksError:
        needed, seen = size, "more pixels than can be computed"
    fits = 2 * needed + grid <= size
    if not fits:
        _warn(f"an output sees {seen}, too many for tile={size}: tiles are blended and may differ")
    if not fixed_statistics:
        _warn("each tile is normalized by its own statistics: mode='running' has equal ones")
    if fits and fixed_statistics:
        return Tiling(size, needed, seamless=True)
    # At most two tiles may overlap, or their weights would not add up to 1.
    return Tiling(size, min(needed, size // 4 // grid * grid), seamless=False)


def tiled(run: Callable[[Tensor], np.ndarray], pixels: Tensor, tiling: Tiling) -> np.ndarray:
    """Translates an image tile by tile, and returns its stored values (H, W, C).

    Seamless tiles are placed side by side; others are blended where they overlap.

    Args:
        run: Translates pixels (C, h, w) to stored values, (scale · h, scale · w, C').
        pixels: The image's pixels, (C, H, W).
        tiling: The tiling.
    """
    size, margin, seamless = tiling
    rows, columns = (list(spans(side, size, margin)) for side in pixels.shape[-2:])
    parts = (
        (y, x, pixels[..., y.read_start : y.read_stop, x.read_start : x.read_stop])
        for y in rows
        for x in columns
    )
    whole = np.empty(0)
    for y, x, part in parts:
        values = run(part)
        scale = values.shape[0] // part.shape[-2]
        if not whole.size:
            shape = *(scale * side for side in pixels.shape[-2:]), values.shape[-1]
            whole = np.zeros(shape, values.dtype if seamless else np.float32)
        if seamless:
            inner = tuple(
                slice(scale * (s.start - s.read_start), scale * (s.stop - s.read_start))
                for s in (y, x)
            )
            whole[_slices(scale, (y.start, y.stop), (x.start, x.stop))] = values[inner]
        else:
            weight = np.multiply.outer(*(_ramps(s, margin, scale) for s in (y, x)))[..., None]
            place = _slices(scale, (y.read_start, y.read_stop), (x.read_start, x.read_stop))
            whole[place] += weight * values
    return whole if seamless else as_dtype(whole, values.dtype)


def _slices(scale: int, *bounds: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(scale * start, scale * stop) for start, stop in bounds)


def _ramps(span: Span, margin: int, scale: int) -> np.ndarray:
    """Returns weights along an axis; where two tiles overlap (by 2 · margin), they add up to 1."""
    weights = np.ones(scale * (span.read_stop - span.read_start), np.float32)
    overlap = 2 * margin * scale
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / max(overlap, 1)
    if span.start != span.read_start:
        weights[:overlap] = ramp
    if span.stop != span.read_stop:
        weights[-overlap:] *= ramp[::-1]
    return weights


def _warn(message: str) -> None:
    warnings.warn(message, GanBlocksWarning, stacklevel=4)
