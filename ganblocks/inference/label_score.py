"""The segmenter of the label score, trained on pairs that are not scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganblocks.data import PairedDataset
from ganblocks.errors import DataError, OptionError
from ganblocks.metrics import train_segmenter
from ganblocks.registry import ComponentLike

LABEL = ("pixel_accuracy", "class_accuracy", "mean_iou")


def with_segmenter(
    metrics: Sequence[ComponentLike],
    scored: PairedDataset,
    train: PairedDataset | None,
    **options: Any,
) -> Sequence[ComponentLike]:
    """Expands `"label"` in the metrics, and adds a segmenter where one is missing."""
    names = [name for metric in metrics for name in (LABEL if metric == "label" else (metric,))]
    if not any(name in LABEL for name in names):
        return names
    if train is None:
        raise OptionError(
            "the label score needs train, pairs that are not scored, to train its segmenter"
        )
    if train.fingerprint() == scored.fingerprint() or _files(train) & _files(scored):
        raise DataError(
            "train has pairs that are scored: a segmenter that memorized their labels would score "
            "too high. Hold out pairs: score a separate split, such as val, and pass the others "
            "as train"
        )
    segmenter = train_segmenter(train, **options)
    return [{"type": name, "segmenter": segmenter} if name in LABEL else name for name in names]


def _files(pairs: PairedDataset) -> set[Path]:
    both = [(*pair.a, *pair.b) for pair in getattr(pairs, "pairs", ())]
    return {Path(file).resolve() for files in both for file in files}
