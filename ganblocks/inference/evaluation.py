"""Evaluates a run's generator on pairs; each score has a floor and a ceiling."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ganblocks.arguments import checked
from ganblocks.data import PairedDataset, PairTransform
from ganblocks.data.picture_map import PictureMap
from ganblocks.errors import DataError, GanBlocksError, OptionError, RunError, require_count
from ganblocks.inference.label_score import with_segmenter
from ganblocks.inference.loading import load
from ganblocks.inference.modes import with_mode
from ganblocks.metrics import METRICS, Metric
from ganblocks.randomness import own_randomness
from ganblocks.registry import ComponentLike
from ganblocks.runs import RunFolder
from ganblocks.training import resolve_device

_Metrics = tuple[Metric, Metric, Metric]
"""The metric of the outputs, the floor and the ceiling."""


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes:
        rows: One per image: its `name` and its value of each per-image metric.
        scores: For each metric its `value`, standard `error`, `count` of images, `floor`,
            `ceiling`, and which values are `better`; NaN if unknown.
        problems: One line per pair that could not be read, or score without enough images.

    Examples:
        >>> Evaluation([{"name": "1", "l1": 0.3}], {}, []).rows[0]["l1"]
        0.3
    """

    rows: list[dict[str, Any]]
    scores: dict[str, dict[str, Any]]
    problems: list[str]


@checked
def evaluate(
    run: str | Path,
    pairs: PairedDataset,
    *,
    metrics: Sequence[ComponentLike] = ("l1", "psnr", "ssim"),
    train: PairedDataset | None = None,
    network: str = "generator",
    weights: str = "auto",
    mode: str = "sample",
    limit: int | None = None,
    batch_size: int = 8,
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
    show: Callable[..., None] | None = None,
) -> Evaluation:
    """Scores the outputs of a run's generator on pairs.

    The floor needs no training: for paired metrics, it compares each target with another image's;
    for metrics of sets, it scores the sources instead of the outputs, or noise if their channels
    differ. The ceiling is the best possible score: each target compared with itself; for sets, one
    half of the targets with the other.

    Args:
        run: The run's folder.
        pairs: The pairs, each used once, as in epoch 0.
        metrics: Names or specs from `METRICS`; `"label"` stands for `"pixel_accuracy"`,
            `"class_accuracy"` and `"mean_iou"`.
        train: Other pairs, read with the same options, to train the segmenter of those three; see
            `train_segmenter`, whose cache it uses.
        network: Name of the network that translates sources to targets.
        weights: `"auto"`, `"last"`, `"average"` or `"best"`, as in `load`.
        mode: `"sample"`, `"mean"` or `"running"`, as in `generate`.
        limit: Number of pairs, evenly spaced; None for all.
        batch_size: Maximum batch size; the noise depends on it.
        seed: Seed of the noise and of the floor.
        device: Where to compute: `"auto"`, `"cpu"`, `"cuda"` or `"mps"`.
        progress: Whether to show a progress bar, in a terminal.
        show: Called for each pair with its index, its row, and its images (C, H, W) in [-1, 1]:
            `source`, `target` and `output`.

    Returns:
        Rows in the order of the pairs, scores and problems.

    Raises:
        RunError: The run or network does not exist, or its weights cannot be read.
        DataError: No pair can be read, no score can be computed, or `train` contains scored pairs.
        ShapeError: Outputs and targets differ in shape.
        OptionError: An option has an invalid value.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> try:
        ...     evaluate("runs/nowhere", SyntheticFacades(2, 32))
        ... except GanBlocksError as error:
        ...     print(error)
        runs/nowhere contains no run: it has no spec.json. Check the path, or train first
    """
    require_count("batch_size", batch_size, 1)
    require_count("limit", len(pairs) if limit is None else limit, 1)
    place = resolve_device(device)
    metrics = with_segmenter(metrics, pairs, train, device=place, progress=progress)
    built = _built(metrics)
    rows: dict[int, dict[str, Any]] = {}
    problems: list[str] = []
    last: list[Tensor] = []
    order = tqdm(
        _order(len(pairs), limit, seed), unit="picture", disable=None if progress else True
    )
    with torch.no_grad(), own_randomness(place, seed):
        twin = with_mode(load(run, weights=weights, network=network).to(place), mode)
        for batch in _batches(pairs, order, batch_size, problems):
            images = {
                key: torch.stack([sample[key] for _, sample in batch]).to(place)
                for key in ("source", "target")
            }
            torch.manual_seed(seed + batch[0][0])  # the same noise for any metrics
            images["output"] = twin(images["source"]).clamp(-1, 1)  # as in files
            last = [F.interpolate(x, images["target"].shape[-2:], mode="bilinear") for x in last]
            targets = torch.cat([*last, images["target"]])
            for trio in built.values():
                _update(trio, images, targets, odd=bool(len(rows) % 2))
            last = [targets[-1:]]
            each = {name: m.values for name, (m, *_) in built.items() if hasattr(m, "values")}
            for nth, (index, sample) in enumerate(batch):
                values = {name: float(v[nth - len(batch)]) for name, v in each.items()}
                rows[index] = {"name": sample["name"], **values}
                if show is not None:
                    show(index, rows[index], {key: image[nth] for key, image in images.items()})
    if not rows:
        raise DataError("\n".join(["no pair can be read:", *problems[:20]]))
    scores = {}
    for name, trio in built.items():
        try:
            scores[name] = _score(*trio)
        except OptionError as error:  # too few images
            problems.append(str(error))
    if not scores:
        raise DataError("\n".join(["no score can be computed:", *problems[-20:]]))
    return Evaluation([rows[index] for index in sorted(rows)], scores, problems)


def pairs_options(run: str | Path, network: str = "generator") -> dict[str, Any]:
    """Returns the `PairedImageDataset` options that read pairs like a run's data, at its size."""
    folder = RunFolder.open(run)
    spec = folder.spec
    if (known := spec.get("pictures", {}).get(network)) is None:
        raise DataError(
            f"{folder.path / 'spec.json'} has no image formats for the network {network!r}: "
            "build the pairs yourself, and pass them to ganblocks.inference.evaluate"
        )
    with folder.reading():
        pictures = PictureMap.of_spec(known)
    train = spec.get("data", {}).get("train")
    earlier = train.get("direction", "a2b") if isinstance(train, dict) else "a2b"
    direction, reading = known.get("direction", earlier), known.get("reading", {})
    if not isinstance(reading, dict):
        raise RunError(f"reading in the pictures of {folder.path} is {reading!r}: not an object")
    sides = (pictures.input, pictures.output)[:: 1 if direction == "a2b" else -1]
    options: dict[str, Any] = dict(zip(("a_format", "b_format"), sides, strict=True))
    if (fit := pictures.fit) is not None:
        options["transform"] = PairTransform(fit.size, fit.size, resize=fit.resize, random=False)
    return {**reading, **options, "direction": direction}


def _built(metrics: Sequence[ComponentLike]) -> dict[str, _Metrics]:
    built: dict[str, _Metrics] = {}
    for metric in map(METRICS.build, metrics):
        if metric.name in built:
            raise OptionError(f"metrics has {metric.name!r} twice: write it once")
        built[metric.name] = (metric, copy.deepcopy(metric), copy.deepcopy(metric))
    return built


def _update(trio: _Metrics, images: Mapping[str, Tensor], targets: Tensor, odd: bool) -> None:
    """Adds a batch; `targets` starts with the previous batch's last target, if there is one."""
    metric, floor, ceiling = trio
    source, target, one, other = images["source"], images["target"], targets[:-1], targets[1:]
    metric.update(images["output"], target, source)
    if metric.needs_pairs:
        ceiling.update(target, target, source)
        if len(one):
            floor.update(one, other, source[-len(one) :])
        return
    alike = source.shape[1] == target.shape[1]
    floor.update(source if alike else torch.rand_like(target) * 2 - 1, target)
    start = int(len(targets) > len(target) and not odd)  # each target is in one half
    if len(one[start::2]):
        ceiling.update(one[start::2], other[start::2])


def _score(metric: Metric, *bounds: Metric) -> dict[str, Any]:
    ends = dict.fromkeys(("floor", "ceiling"), nan)
    for end, bound in zip(ends, bounds, strict=True):
        with suppress(GanBlocksError):  # too few pictures
            ends[end] = bound.compute().value
    return {**metric.compute()._asdict(), **ends, "better": metric.better}


def _order(count: int, limit: int | None, seed: int) -> list[int]:
    """Returns evenly spaced indices, shuffled because neighbors in a folder may look alike."""
    used = min(count, limit or count)
    order = torch.randperm(used, generator=torch.Generator().manual_seed(seed)).tolist()
    return [index * count // used for index in order]


def _batches(
    pairs: PairedDataset, order: Iterable[int], size: int, problems: list[str]
) -> Iterator[list[tuple[int, Any]]]:
    """Yields batches of one shape with their indices; unreadable samples become problems."""
    batch: list[tuple[int, Any]] = []
    shapes = None
    for index in order:
        try:
            sample = pairs[0, index]
        except GanBlocksError as error:
            problems.append(str(error))
            continue
        before, shapes = shapes, (sample["source"].shape, sample["target"].shape)
        if batch and (len(batch) == size or shapes != before):
            yield batch
            batch = []
        batch.append((index, sample))
    if batch:
        yield batch
