"""Describes a paired dataset in one line that a person can check at a glance."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.base import PairedDataset
from ganblocks.data.epochs import EpochDataset
from ganblocks.data.transforms import PairTransform

SAMPLED_PAIRS = 16
"""Number of pairs whose colors are counted."""

MIN_DISTANCE = 48
"""Smallest difference, in one channel, of two colors of a label map: lossy files blur them."""

MIN_SHARE = 1e-3
"""Smallest share of the pixels for a color to count."""


@checked
def describe_pairs(train: PairedDataset, val: PairedDataset) -> str:
    """Describes the source, the target, and the number of pairs.

    If the pictures of one folder are read as halves that are not square, it adds that, since they
    may be whole pictures.

    Args:
        train: The training pairs.
        val: The held-out pairs.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> train, val = (SyntheticFacades(8, 64, split=split) for split in ("train", "val"))
        >>> describe_pairs(train, val)
        'b (labels, 12 colors) → a (photo), 8 train, 8 val'
    """
    count = min(SAMPLED_PAIRS, len(train))
    pairs = [train.pixels(0, index * len(train) // count) for index in range(count)]
    labels = train.transform.labels if isinstance(train.transform, PairTransform) else None
    a = f"a ({_describe_side([pair[0] for pair in pairs], labels in ('a', None))})"
    b = f"b ({_describe_side([pair[1] for pair in pairs], labels in ('b', None))})"
    source, target = train.source_and_target(a, b)
    return f"{source} → {target}, {describe_sizes(train, val)}{_describe_halves(train, pairs)}"


@checked
def describe_sizes(train: EpochDataset, val: EpochDataset) -> str:
    """Returns the number of samples of both datasets, and whether any are held out.

    Args:
        train: The training samples.
        val: The held-out samples.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> describe_sizes(*(SyntheticFacades(8, 64, split=split) for split in ("train", "val")))
        '8 train, 8 val'
    """
    splits = _splits(val)
    if "train" in splits:
        held_out = "none held out (no val/ and no test/): grids and scores are of training samples"
    else:
        held_out = f"{len(val)} {' and '.join(sorted(splits)) or 'held out'}"
    return f"{len(train)} train, {held_out}"


def _splits(dataset: EpochDataset) -> set[str]:
    """Returns the splits of a dataset, or of those that it reads."""
    own = getattr(dataset, "split", None)
    inner = [_splits(x) for x in vars(dataset).values() if isinstance(x, EpochDataset)]
    return {own} if own else set().union(*inner)


def count_colors(images: list[Tensor], most: int = 64) -> int:
    """Counts the distinct colors of label maps, up to the blur of lossy files."""
    pixels = _pixels(images)
    colors, counts = (pixels // 8).unique(dim=0, return_counts=True)
    chosen: list[Tensor] = []
    for index in counts.argsort(descending=True).tolist():
        color = colors[index].int() * 8
        if counts[index] < MIN_SHARE * len(pixels) or len(chosen) == most:
            break
        if all((color - other).abs().max() >= MIN_DISTANCE for other in chosen):
            chosen.append(color)
    return len(chosen)


def _describe_halves(train: PairedDataset, pairs: list[tuple[Tensor, Tensor, str]]) -> str:
    shapes = (a.shape[-2:] for a, _, _ in pairs)
    oblong = next(((height, width) for height, width in shapes if height != width), None)
    if not getattr(train, "side_by_side", False) or oblong is None:
        return ""
    height, width = oblong
    return (
        f". Each picture of {2 * width}x{height} is read as two of {width}x{height} side by side, "
        "a | b; put whole pictures into two folders, a/ and b/"
    )


def _describe_side(images: list[Tensor], may_be_labels: bool) -> str:
    kind = {1: "gray photo", 3: "photo", 4: "RGBA photo"}.get(images[0].shape[0], "image")
    if not may_be_labels:
        return kind
    pixels = _pixels(images)
    # Few colors cover a label map, even a lossy one; a photo has many shades, a gray one fewer.
    step, few = (8, 32) if pixels.shape[1] > 1 else (1, 16)
    counts = (pixels // step).unique(dim=0, return_counts=True)[1]
    if counts.sort(descending=True).values[:few].sum() <= 0.5 * len(pixels):
        return kind
    count = count_colors(images)
    return f"labels, {count} color{'s' if count > 1 else ''}"


def _pixels(images: list[Tensor]) -> Tensor:
    return torch.cat([image.flatten(1).t() for image in images])
