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
from ganblocks.errors import OptionError, listed, require_count, require_one_of
from ganblocks.metrics import METRICS, Metric
from ganblocks.randomness import own_randomness
from ganblocks.tasks import Batch, Task
from ganblocks.training.batches import single_batch


def metric_of(best_by: str | None, task: Task, batch: Batch, count: int) -> Metric | None:
    """Returns the metric named by `best_by`, checked on `batch`; None for a score of the task.

    Args:
        best_by: A score of the task, or a name from `METRICS`.
        task: The task.
        batch: A held-out sample.
        count: Number of held-out samples.

    Raises:
        OptionError: The score is unknown, or does not fit the task or the number of samples.
        ShapeError: The task's images do not fit the metric.
    """
    scores = task.score(batch)
    if best_by is None or best_by in scores:
        return None
    require_one_of("score in best_by", best_by, sorted({*scores, *METRICS.names()}))
    metric = METRICS.build(best_by)
    if count < metric.least:
        raise OptionError(
            f"best_by={best_by!r} needs {metric.least} held-out samples, but there are {count}: "
            "hold out more, or choose another score"
        )
    compare(metric, task, batch)
    return metric


def compare(metric: Metric, task: Task, batch: Batch) -> None:
    """Adds a task's outputs for a batch to a metric."""
    compared = task.comparison(batch)
    if compared is None or (metric.needs_pairs and not compared.paired):
        lacks = "no comparison(batch)" if compared is None else "no target for each image"
        metrics = (name for name in METRICS.names() if not METRICS.build(name).needs_pairs)
        remedy = "implement it" if compared is None else f"choose one of sets, {listed(metrics)}"
        raise OptionError(
            f"{metric.name} compares generated images with real ones, but {type(task).__name__} "
            f"has {lacks}: {remedy}, or choose a score of the task in best_by"
        )
    metric.update(compared.fake.clamp(-1, 1), compared.real, compared.source)


def score_task(
    task: Task, dataset: Any, *, metric: Metric | None = None, progress: bool = False
) -> dict[str, float]:
    """Averages a task's scores over a dataset, sample by sample, and adds a metric."""
    device = next(task.parameters()).device
    rows = []
    if metric is not None:
        metric.reset()
    with torch.inference_mode():
        for batch in _batches(dataset, device, progress=progress):
            rows.append(task.score(batch))
            if metric is not None:
                compare(metric, task, batch)
            elif not rows[0]:
                return {}
    scores = {name: fmean(row[name] for row in rows) for name in (rows[0] if rows else {})}
    return scores if metric is None else {**scores, metric.name: metric.compute().value}


def score_baseline(task: Task, dataset: Any) -> dict[str, float]:
    """Returns the scores of a baseline without training; see `Task.baseline`."""
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
        generator: The generator; its mode, its buffers and the random state are unchanged.
        dataset: Pairs, as `PairedDataset` returns them, each used once.
        statistics: `"image"` or `"running"`; see `with_statistics`.
        seed: Seed of dropout, if it is active at inference.

    Raises:
        OptionError: `statistics` is invalid, or the dataset is empty.

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
