"""Describes a paired dataset in one line, to check at a glance."""

from __future__ import annotations

from ganblocks.arguments import checked
from ganblocks.data.base import PairedDataset
from ganblocks.data.color_counts import sampled
from ganblocks.data.epochs import EpochDataset
from ganblocks.data.paired import PairedImageDataset


@checked
def describe_pairs(train: PairedDataset, val: PairedDataset) -> str:
    """Describes the source, the target, the layout and the number of pairs.

    Args:
        train: The training pairs.
        val: The held-out pairs.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> train, val = (SyntheticFacades(8, 64, split=split) for split in ("train", "val"))
        >>> describe_pairs(train, val)
        'b (labels, 12 colors) → a (photo), 8 train, 8 val'
    """
    pairs = [train.pixels(0, index) for index in sampled(len(train))]
    a = f"a ({train.a_format.describe([pair[0] for pair in pairs])})"
    b = f"b ({train.b_format.describe([pair[1] for pair in pairs])})"
    source, target = train.source_and_target(a, b)
    layout = f", {train.layout}" if isinstance(train, PairedImageDataset) else ""
    return f"{source} → {target}{layout}, {describe_sizes(train, val)}"


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
    own = getattr(dataset, "split", None)
    inner = [_splits(x) for x in vars(dataset).values() if isinstance(x, EpochDataset)]
    return {own} if own else set().union(*inner)
