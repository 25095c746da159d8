"""What a paired dataset holds, in a line that a person can check at a glance."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.base import PairedDataset
from ganblocks.data.transforms import PairTransform

LOOKED_AT = 16
"""Pairs whose colors are counted."""

APART = 48
"""Least difference, in one channel, of two colors of a label map: lossy files blur them."""

SHARE = 1e-3
"""Least share of the pixels that a color has."""


@checked
def describe_pairs(train: PairedDataset, val: PairedDataset) -> str:
    """Says what is translated into what, and of how many pairs.

    Args:
        train: The pairs to learn from.
        val: The held-out pairs.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> train, val = (SyntheticFacades(8, 64, split=split) for split in ("train", "val"))
        >>> describe_pairs(train, val)
        'b (labels, 12 colors) → a (photo), 8 train, 8 val'
    """
    count = min(LOOKED_AT, len(train))
    some = [train.read(0, index * len(train) // count) for index in range(count)]
    labels = train.transform.labels if isinstance(train.transform, PairTransform) else None
    a = f"a ({_words([pair[0] for pair in some], labels in ('a', None))})"
    b = f"b ({_words([pair[1] for pair in some], labels in ('b', None))})"
    source, target = train.in_order(a, b)
    if getattr(val, "split", None) == "train":
        held_out = "none held out (no val/ and no test/): grids and scores are of training pairs"
    else:
        held_out = f"{len(val)} {getattr(val, 'split', 'val')}"
    return f"{source} → {target}, {len(train)} train, {held_out}"


def count_colors(images: list[Tensor], most: int = 64) -> int:
    """Counts the colors that stand apart in label maps, those of lossy files too."""
    pixels = torch.cat([image.flatten(1).t() for image in images])
    colors, counts = (pixels // 8).unique(dim=0, return_counts=True)
    chosen: list[Tensor] = []
    for index in counts.argsort(descending=True).tolist():
        color = colors[index].int() * 8
        if counts[index] < SHARE * len(pixels) or len(chosen) == most:
            break
        if all((color - other).abs().max() >= APART for other in chosen):
            chosen.append(color)
    return len(chosen)


def _words(images: list[Tensor], may_be_labels: bool) -> str:
    kind = {1: "gray photo", 3: "photo", 4: "RGBA photo"}.get(images[0].shape[0], "image")
    if not may_be_labels:
        return kind
    pixels = torch.cat([image.flatten(1).t() for image in images])
    # Few colors cover a label map, a lossy one too; a photo has many shades, a gray one fewer.
    step, few = (8, 32) if pixels.shape[1] > 1 else (1, 16)
    top = (pixels // step).unique(dim=0, return_counts=True)[1].sort(descending=True).values
    flat = top[:few].sum() > 0.5 * len(pixels)
    if not flat:
        return kind
    count = count_colors(images)
    return f"labels, {count} color{'s' if count > 1 else ''}"
