"""Tells label maps from photos by their colors, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import isqrt

import torch
from torch import Tensor


def has_few_colors(images: Sequence[Tensor]) -> bool:
    """Returns whether a few flat colors cover the foreground, even in lossy files."""
    pixels = _pixels(images)
    if pixels.dtype != torch.uint8 or pixels.shape[1] not in (1, 3):
        return False
    step, few = (8, 32) if pixels.shape[1] > 1 else (1, 16)
    code = torch.zeros(len(pixels), dtype=torch.int64)
    for channel in (pixels // step).unbind(1):
        code = code * (256 // step) + channel
    counts = code.bincount().sort(descending=True).values  # unique() sorts all pixels
    # Most pixels of a photo on white have one color, too.
    return bool(counts[1:few].sum() > 0.5 * counts[1:].sum())


MIN_DISTANCE = 48
"""Minimum difference, in one channel, between two colors of a label map: lossy files blur them."""

MIN_SHARE = 1e-3
"""Minimum fraction of the pixels for a color to count."""


def main_colors(images: Sequence[Tensor]) -> list[Tensor]:
    """Returns the distinct colors of label maps, most frequent first."""
    pixels = _pixels(images)
    colors, counts = (pixels // 8).unique(dim=0, return_counts=True)
    chosen: list[Tensor] = []
    for index in counts.argsort(descending=True).tolist():
        color = colors[index].int() * 8
        if counts[index] < MIN_SHARE * len(pixels) or len(chosen) == MOST_COLORS:
            break
        if all((color - other).abs().max() >= MIN_DISTANCE for other in chosen):
            chosen.append(color)
    return [color + 4 for color in chosen]  # the middle of a bin


BLUR = 8
"""Maximum difference, in one channel, between neighbors in a flat area of a lossy file."""

MOST_COLORS = 64
"""Images with more colors are lossy files, or no label maps."""

SAMPLES = 16
"""Maximum number of label maps whose colors are counted."""

POINTS = 1 << 14
"""About the number of pixels of each of them that are counted."""


def sampled(count: int) -> list[int]:
    """Returns the indices of the label maps whose colors are counted."""
    few = min(count, SAMPLES)
    return [index * count // few for index in range(few)]


def label_colors(images: Sequence[Tensor]) -> tuple[tuple[int, ...], ...]:
    """Returns the colors of label maps, most frequent first, each as most of its pixels have it.

    In lossy files, only flat areas count: edges are blurred.
    """
    maps, flat = [], []
    for image in images:
        pixels = image.as_subclass(Tensor)
        if pixels.is_floating_point():
            pixels = (pixels * 255).round().byte()
        step = max(1, isqrt(pixels[0].numel() // POINTS))
        maps.append(pixels[:, ::step, ::step])
        flat.append(_is_flat(pixels.short())[::step, ::step].flatten())
    every = _pixels(maps)
    if len(every.unique(dim=0)) > MOST_COLORS:
        in_flat_areas = _distinct(every[torch.cat(flat)])
        if len(in_flat_areas) > 1:
            return in_flat_areas
    return _distinct(every)


def _is_flat(image: Tensor) -> Tensor:
    """Returns which pixels are in a square of 2×2 similar ones: (C, H, W) → (H, W)."""
    right, below = (image.diff(dim=axis).abs().amax(0) < BLUR for axis in (2, 1))
    corners = right[:-1] & right[1:] & below[:, :-1] & below[:, 1:]
    flat = torch.zeros_like(image[0], dtype=torch.bool)
    for rows, columns in product((slice(-1), slice(1, None)), repeat=2):
        flat[rows, columns] |= corners
    return flat


def _distinct(pixels: Tensor) -> tuple[tuple[int, ...], ...]:
    """Returns the colors of pixels (N, C), most frequent first, without those that are similar."""
    colors, counts = pixels.unique(dim=0, return_counts=True)
    order = counts.argsort(descending=True)
    colors, counts = colors[order].int(), counts[order]
    chosen: list[tuple[int, ...]] = []
    while len(colors) and len(chosen) < MOST_COLORS:
        distance = 8 * (colors // 8 - colors[0] // 8).abs().amax(1)
        if counts[distance < MIN_DISTANCE // 2].sum() >= MIN_SHARE * len(pixels):
            chosen.append(tuple(colors[0].tolist()))
        colors, counts = colors[distance >= MIN_DISTANCE], counts[distance >= MIN_DISTANCE]
    return tuple(chosen)


def _pixels(images: Sequence[Tensor]) -> Tensor:
    return torch.cat([image.as_subclass(Tensor).flatten(1).t() for image in images])
