"""Tells label maps from photos by their colors, and counts them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def has_few_colors(images: Sequence[Tensor]) -> bool:
    """Returns whether a few flat colors cover the foreground, even in lossy files."""
    pixels = _pixels(images)
    if pixels.dtype != torch.uint8 or pixels.shape[1] not in (1, 3):
        return False
    step, few = (8, 32) if pixels.shape[1] > 1 else (1, 16)
    counts = (pixels // step).unique(dim=0, return_counts=True)[1].sort(descending=True).values
    # Most pixels of a photo on white have one color, too.
    return bool(counts[1:few].sum() > 0.5 * counts[1:].sum())


MIN_DISTANCE = 48
"""Minimum difference, in one channel, between two colors of a label map: lossy files blur them."""

MIN_SHARE = 1e-3
"""Minimum fraction of the pixels for a color to count."""


def count_colors(images: Sequence[Tensor], most: int = 64) -> int:
    """Counts the distinct colors of label maps, up to the blur of lossy files."""
    return len(main_colors(images, most))


def main_colors(images: Sequence[Tensor], most: int = 64) -> list[Tensor]:
    """Returns the distinct colors of label maps, most frequent first."""
    pixels = _pixels(images)
    colors, counts = (pixels // 8).unique(dim=0, return_counts=True)
    chosen: list[Tensor] = []
    for index in counts.argsort(descending=True).tolist():
        color = colors[index].int() * 8
        if counts[index] < MIN_SHARE * len(pixels) or len(chosen) == most:
            break
        if all((color - other).abs().max() >= MIN_DISTANCE for other in chosen):
            chosen.append(color)
    return [color + 4 for color in chosen]  # the middle of a bin


def flat_colors(images: Sequence[Tensor]) -> tuple[tuple[int, ...], ...]:
    """Returns the main colors of label maps, each as most of its pixels have it."""
    colors, counts = _pixels(images).unique(dim=0, return_counts=True)
    colors = colors[counts.argsort(descending=True)].int()
    near = [(colors - main).abs().amax(1) < MIN_DISTANCE // 2 for main in main_colors(images)]
    return tuple(tuple(colors[is_near][0].tolist()) for is_near in near)


def _pixels(images: Sequence[Tensor]) -> Tensor:
    return torch.cat([image.as_subclass(Tensor).flatten(1).t() for image in images])
