"""Trains recipes on the real CMP facades, and scores them by a protocol that two cores can afford.

    python benchmarks/facades.py DATA WORK
    python benchmarks/facades.py DATA WORK --cells paper best --seeds 10 11 12 --score val

DATA holds the CMP facades as train/ and val/, WORK the runs. Of train, 300 pairs are for training
and every fourth, 100 pairs, is for choosing; val is scored only to confirm. Each cell trains for as
long as 2,400 steps of `paper` take: costs of a step are measured once, against `paper` in the same
process. It trains in bf16 where the processor has it, and its row says so. A row is written when
its run ends; a run that was cut short goes on at its checkpoint, and several processes may work at
the same time, each on one core (`OMP_NUM_THREADS=1`).
"""

from __future__ import annotations

import argparse
import fcntl
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import torch
from facades_cells import CELLS, SIZES, build_task, recipe
from recording import machine
from torch.utils.data import DataLoader

import ganblocks as gb
from ganblocks.data import LabelFormat, PairedImageDataset, PairTransform
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.inference import evaluate
from ganblocks.training import Callback, TrainOptions, default_callbacks, resolve_precision

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "facades.json"
METRICS = ("kid", "label", "l1", "ssim", "checkerboard")


def main() -> None:
    """Runs the cells that have no row, seed by seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--score", choices=("rest", "val"), default="rest")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    splits = split_folder(options.data, options.work / "data")
    keys = ("size", "cell", "seed", "score")
    for seed in options.seeds:
        for cell in options.cells:
            key = dict(zip(keys, ("small", cell, seed, options.score), strict=True))
            name = re.sub("[^a-z0-9]+", "-", f"small {options.score} {cell.lower()} {seed}")
            with locked(options.work / f"{name}.lock", wait=False) as mine:
                rows = read(options.results)["rows"]
                if mine and not any({k: row.get(k) for k in keys} == key for row in rows):
                    cost = known_cost(options.results, key, splits)
                    write(options.results, {**key, **run(key, cost, splits, options.work / name)})


def split_folder(data: Path, folder: Path) -> Path:
    """Links the pairs as train/, rest/ and val/."""
    for split in ("train", "val"):
        for number, file in enumerate(sorted((data / split).iterdir())):
            name = "rest" if split == "train" and number % 4 == 3 else split
            (folder / name).mkdir(parents=True, exist_ok=True)
            if not (link := folder / name / file.name).is_symlink():
                link.symlink_to(file.resolve())
    return folder


def pairs(
    folder: Path, split: str, size: dict[str, Any], labels: str, *, random: bool = False
) -> PairedImageDataset:
    """Returns the pairs of a split, from labels to photo."""
    transform = PairTransform(size["load"], size["crop"], random=random)
    b_format = LabelFormat(CMP_PALETTE) if labels == "classes" else "image"
    return PairedImageDataset(
        folder, split=split, direction="b2a", b_format=b_format, transform=transform
    )


def known_cost(results: Path, key: dict[str, Any], splits: Path) -> float:
    """Returns a step's time in steps of `paper`, measured once and then read."""
    name = f"{key['size']}: {key['cell']}"
    with locked(results.with_suffix(".costs.lock")):
        costs = read(results)["costs"]
        if name not in costs:
            costs[name] = round(measured_cost(key, splits), 3)
            with locked(results.with_suffix(".lock")):
                save(results, {**read(results), "costs": costs})
    return float(costs[name])


def measured_cost(key: dict[str, Any], splits: Path, rounds: int = 7, steps: int = 6) -> float:
    """Measures a step against one of `paper`, in turns, in seconds of the processor."""
    if key["cell"] == "paper":
        return 1.0
    size = SIZES[key["size"]]
    ratios, sides = [], []
    for cell in (key["cell"], "paper"):
        settings = recipe(cell)
        data = pairs(splits, "train", size, settings["labels"], random=True)
        batch = next(iter(DataLoader(data, settings["batch_size"])))
        batch = {side: batch[side] for side in ("source", "target")}
        task = build_task(settings, size, batch["source"].shape[1])
        updater = gb.Updater(task, precision=precision(), ema=settings["ema"])
        sides.append((updater, batch))
    for _ in range(rounds):
        times = []
        for updater, batch in sides:
            start = time.process_time()
            for _ in range(steps):
                updater.step(batch)
            times.append(time.process_time() - start)
        ratios.append(times[0] / times[1])
    return median(ratios[1:])


class Clock(Callback):
    """Counts the processor's seconds of a training, also over several processes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder.with_suffix(".clock")
        self.before = float(self.file.read_text()) if self.file.is_file() else 0.0
        self.began = time.process_time()

    def seconds(self) -> float:
        """Returns the seconds so far."""
        return self.before + time.process_time() - self.began

    def save(self) -> None:
        """Writes them beside a checkpoint."""
        self.file.write_text(str(self.seconds()))

    def checkpoint(self, training: Any) -> None:
        """Keeps them with each checkpoint."""
        self.save()


def run(key: dict[str, Any], cost: float, splits: Path, folder: Path) -> dict[str, Any]:
    """Trains and scores a cell."""
    size, settings = SIZES[key["size"]], recipe(key["cell"])
    train = pairs(splits, "train", size, settings["labels"], random=True)
    held_out = pairs(splits, "rest", size, settings["labels"])
    steps = round(size["steps"] / cost / 10) * 10
    torch.manual_seed(key["seed"])
    task = build_task(settings, size, train[0]["source"].shape[0])
    options = TrainOptions(
        epochs=-(-steps // (len(train) // settings["batch_size"])),
        steps=steps,
        batch_size=settings["batch_size"],
        ema=settings["ema"],
        precision="auto",
        device="cpu",
        seed=key["seed"],
        sample_every=steps,
        progress=False,
    )
    clock = Clock(folder)
    callbacks = [*default_callbacks(progress=False), clock]
    gb.fit(task, train, held_out, gb.RunFolder(folder), options, callbacks)
    scored = pairs(splits, key["score"], size, settings["labels"])
    reading = pairs(splits, "train", size, settings["labels"])
    scores = evaluate(folder, scored, metrics=METRICS, train=reading, device="cpu").scores
    weights = sha256((folder / "generator.safetensors").read_bytes()).hexdigest()
    return {
        "steps": steps,
        "precision": precision(),
        "minutes": round(clock.seconds() / 60, 2),  # with the scoring
        "scores": {
            name: {part: rounded(score[part]) for part in ("value", "error", "floor", "ceiling")}
            for name, score in scores.items()
        },
        "settings": CELLS[key["cell"]],
        "weights": weights[:16],
    }


def precision() -> str:
    """Returns the precision of the trainings on this processor."""
    return resolve_precision("auto", torch.device("cpu"))


def rounded(value: float) -> float | None:
    """Rounds to five digits; None for NaN, which JSON has not."""
    return float(f"{value:.5g}") if value == value else None


def read(results: Path) -> dict[str, Any]:
    """Returns the rows and costs so far."""
    if not results.is_file():
        return {"machine": machine(), "costs": {}, "rows": []}
    return dict(json.loads(results.read_text("utf-8")))


def write(results: Path, row: dict[str, Any]) -> None:
    """Adds a row, and prints it."""
    print(json.dumps(row), flush=True)
    with locked(results.with_suffix(".lock")):
        known = read(results)
        save(results, {**known, "rows": [*known["rows"], row]})


def save(results: Path, known: dict[str, Any]) -> None:
    """Writes the file, one line for each row."""
    known = {**known, "cells": list(CELLS)}
    rows = sorted(known["rows"], key=lambda row: (row["size"], row["score"], row["cell"]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({k: v for k, v in known.items() if k != "rows"}, indent=1)[:-2]
    results.write_text(f'{head},\n "rows": [\n{lines}\n]}}\n', encoding="utf-8")


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Holds a lock, which ends with the process; yields whether it was free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


if __name__ == "__main__":
    main()
