"""Measures the checkerboards of up-sampling: untrained, trained, and in a whole pix2pix."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from statistics import mean, median
from typing import Any

import torch
from torch.nn.functional import avg_pool2d, l1_loss

from _site.guides_data import fronts, small_training
from _site.markdown import table
from _site.registered import built_in
from _site.results import FOLDER
from ganblocks.blocks import UPSAMPLERS
from ganblocks.metrics import Checkerboard

STEPS = (0, 15, 100)
SEEDS = 3
FACADES = FOLDER / "facades.json"
METRICS = ("checkerboard", "kid_lite0")


def tables() -> str:
    """Returns the checkerboard of every up-sampling, and of pix2pix where it was measured."""
    head = ["name", *(f"after {step} steps" if step else "untrained" for step in STEPS)]
    rows = [
        [f"[`{name}`](#{name})", *(f"{value:.2g}" for value in _scores(name))]
        for name in built_in(UPSAMPLERS)
    ]
    lines = [
        "### Strength of the pattern {#checkerboard}",
        "[`Checkerboard`][ganblocks.metrics.Checkerboard] is the power of patterns of period 2 and "
        "4; photos score 1. Each block learns to double four photos; the median of "
        f"{SEEDS} seeds, measured when this page was built. A block without a pattern can learn "
        "one, as `pixelshuffle` does.",
        table(head, rows),
    ]
    known = json.loads(FACADES.read_text("utf-8")) if FACADES.is_file() else {"rows": []}
    return "\n\n".join([*lines, *on_facades(known)])


def on_facades(known: Mapping[str, Any]) -> list[str]:
    """Returns a table of pix2pix trained with each up-sampling, if there are rows of it.

    Args:
        known: The results of `benchmarks/facades.py`.

    Examples:
        >>> scores = {"kid_lite0": {"value": 0.2}, "checkerboard": {"value": 1.5}}
        >>> row = {"cell": "up=nearest", "seed": 0, "score": "rest", "scores": scores}
        >>> print(on_facades({"rows": [row]})[-1])
        | up-sampling | checkerboard | KID | seeds |
        | --- | --- | --- | --- |
        | nearest | 1.5 | 0.2 | 1 |
        >>> on_facades({"rows": []})
        []
    """
    found = defaultdict(list)
    for row in known["rows"]:
        if row["score"] == "rest" and (row["cell"] == "paper" or row["cell"].startswith("up=")):
            found[row["cell"]].append(row["scores"])
    if not any(cell != "paper" for cell in found):
        return []
    rows = [
        [
            "deconv" if cell == "paper" else cell.removeprefix("up="),
            *(f"{mean(s[name]['value'] for s in scores):.3g}" for name in METRICS),
            str(len(scores)),
        ]
        for cell, scores in found.items()
    ]
    return [
        "In a whole pix2pix, [trained on the real facades](../results/facades.md) for four minutes "
        "and scored on held-out photos. Lower KID is better:",
        table(["up-sampling", "checkerboard", "KID", "seeds"], rows),
    ]


def _scores(name: str) -> list[float]:
    runs = [_trained(name, seed) for seed in range(SEEDS)]
    return [median(run[index] for run in runs) for index in range(len(STEPS))]


def _trained(name: str, seed: int) -> list[float]:
    """Trains a block to double photos, and returns its checkerboard at some steps."""
    photos = torch.cat([batch["target"] for batch in fronts(4)])
    small = avg_pool2d(photos, 2)
    scores = []
    with small_training(seed):
        up = UPSAMPLERS.build(name, 3, 3)
        optimizer = torch.optim.Adam(up.parameters(), lr=0.02)
        for step in range(STEPS[-1] + 1):
            large = up(small)
            if step in STEPS:
                metric = Checkerboard()
                metric.update(large.detach(), photos)
                scores.append(metric.compute().value)
            optimizer.zero_grad()
            l1_loss(large, photos).backward()
            optimizer.step()
    return scores
