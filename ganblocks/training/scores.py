"""Held-out scores of a task, and of a baseline that needs no training."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from tqdm import tqdm

from ganblocks.arguments import checked
from ganblocks.blocks import with_statistics
from ganblocks.blocks.statistics import device_of
from ganblocks.errors import require_count
from ganblocks.randomness import own_randomness
from ganblocks.tasks import Batch, Task
from ganblocks.training.batches import single_batch


def score_task(task: Task, dataset: Any, *, progress: bool = False) -> dict[str, float]:
    """Averages a task's scores over a dataset, sample by sample."""
    device = next(task.parameters()).device
    rows = []
    with torch.inference_mode():
        for batch in _batches(dataset, device, progress=progress):
            rows.append(task.score(batch))
            if not rows[0]:
                return {}
    return {name: fmean(row[name] for row in rows) for name in (rows[0] if rows else {})}


def score_baseline(task: Task, dataset: Any) -> dict[str, float]:
    """Returns the scores of a prediction that needs no training; see `Task.baseline`."""
    return task.baseline(_batches(dataset, torch.device("cpu"), progress=False))


@checked
def mean_l1(
    generator: nn.Module,
    dataset: Dataset[Any] | Sequence[Batch],
    *,
    statistics: str = "image",
    seed: int = 0,
) -> float:
    """Averages |fake − target| over a dataset of pairs, for images in [-1, 1].

    Args:
        generator: The generator; its mode, its buffers and the random state stay unchanged.
        dataset: Pairs, as `PairedDataset` returns them, each used once.
        statistics: `"image"` or `"running"`; see `with_statistics`.
        seed: Seed of dropout, if it is active at inference.

    Raises:
        OptionError: `statistics` is not one of these values, or the dataset is empty.

    Examples:
        >>> from ganblocks import SyntheticFacades, UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> 0 < mean_l1(generator, SyntheticFacades(length=2, size=32)) < 2
        True
    """
    require_count("samples of the dataset", len(dataset), 1)  # type: ignore[arg-type]
    twin = with_statistics(generator, statistics)
    device = device_of(twin)
    with torch.inference_mode(), own_randomness(device, seed):
        return fmean(
            (twin(batch["source"]) - batch["target"]).abs().mean().item()
            for batch in _batches(dataset, device, progress=False)
        )


def _batches(dataset: Any, device: torch.device, *, progress: bool) -> Iterator[Batch]:
    shown = progress and sys.stderr.isatty()
    for index in tqdm(range(len(dataset)), desc="scoring", disable=not shown, leave=False):
        yield single_batch(dataset[index], device)
