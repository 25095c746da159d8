"""Trains a plain script, `paper` and `best` on the real CMP facades at 256² for equal minutes.

    python benchmarks/facades_minutes.py DATA WORK port best paper

Each trains on one core (`OMP_NUM_THREADS=1`), and is scored on val after 20, 40 and 60 minutes of
that core, about 10, 20 and 30 minutes on two. The plain script is pix2pix as people write it by
hand: batches from PIL, fp32, cross-entropy and 100 × L1. The presets train in bf16 where the
processor has it. Learning rates stay constant, as they do in the first half of a long training. A
training that was cut short goes on at its checkpoint.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import torch
from facades import (
    METRICS,
    RESULTS,
    Clock,
    locked,
    pairs,
    precision,
    read,
    rounded,
    split_folder,
    write,
)
from facades_cells import SIZES, build_task, recipe
from PIL import Image
from plain_pix2pix import PlainTraining
from torch import Tensor, nn
from torchvision.transforms import functional as V

import ganblocks as gb
from ganblocks.inference.label_score import with_segmenter
from ganblocks.inference.modes import with_mode
from ganblocks.training import TrainOptions, default_callbacks
from ganblocks.writing import write_atomically

SIZE = SIZES["full"]
MINUTES = (20, 40, 60)


class StopAt(Clock):
    """Ends the training after so many minutes."""

    def __init__(self, folder: Path, minutes: float) -> None:
        super().__init__(folder)
        self.minutes = minutes

    def step(self, training: Any, batch: Any, metrics: Mapping[str, Tensor]) -> None:
        """Asks the time."""
        if self.seconds() >= 60 * self.minutes:
            training.stop()


def train_ours(cell: str, seed: int, splits: Path, folder: Path, minutes: int) -> nn.Module:
    """Trains a cell, from its checkpoint if there is one, until the minute; returns its network."""
    settings, kept = recipe(cell), folder.with_name(f"{folder.name}-{minutes}")
    train = pairs(splits, "train", SIZE, settings["labels"], random=True)
    held_out = pairs(splits, "rest", SIZE, settings["labels"])
    torch.manual_seed(seed)
    task = build_task(settings, SIZE, train[0]["source"].shape[0])
    options = TrainOptions(
        epochs=1000,
        schedule="constant",
        ema=settings["ema"],
        precision="auto",
        device="cpu",
        seed=seed,
        sample_every=2000,
        checkpoint_every=200,
        progress=False,
    )
    if not kept.exists():
        callbacks = [*default_callbacks(progress=False), StopAt(folder, minutes)]
        gb.fit(task, train, held_out, gb.RunFolder(folder), options, callbacks)
        copytree(folder, kept)
    return with_mode(gb.load(kept), "sample")


def train_plain(seed: int, splits: Path, folder: Path, minutes: int) -> nn.Module:
    """Trains the plain script likewise; it normalizes each picture by itself, also at test time."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    plain = PlainTraining(64, 8, torch.device("cpu"))
    for module in (*plain.g.modules(), *plain.d.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    parts = {name: getattr(plain, name) for name in ("g", "d", "opt_g", "opt_d")}
    state, kept, clock = folder / "state.pt", folder / f"{minutes}.pt", Clock(folder)
    if state.is_file():
        for name, known in torch.load(state).items():
            parts[name].load_state_dict(known)
        torch.manual_seed(seed + round(clock.before))
    files = sorted((splits / "train").iterdir())
    while not kept.is_file():
        for number in torch.randperm(len(files)).tolist():
            plain.step(*plain_pair(files[number]))
            if clock.seconds() >= 60 * minutes:
                torch.save(plain.g.state_dict(), kept)
                break
        states = {name: part.state_dict() for name, part in parts.items()}
        write_atomically(state, partial(torch.save, states))
        clock.save()
    plain.g.load_state_dict(torch.load(kept))
    return plain.g


def plain_pair(file: Path) -> tuple[Tensor, Tensor]:
    """Reads, resizes, crops and mirrors a pair, as scripts do; returns labels and photo."""
    with Image.open(file) as picture:
        both = picture.convert("RGB")
    half = both.width // 2
    top, left, mirror = *torch.randint(0, 31, (2,)).tolist(), torch.rand(1).item() < 0.5
    sides = []
    for start in (half, 0):
        side = both.crop((start, 0, start + half, both.height))
        side = side.resize((SIZE["load"],) * 2, Image.Resampling.BICUBIC)
        side = side.crop((left, top, left + SIZE["crop"], top + SIZE["crop"]))
        side = side.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else side
        sides.append(V.normalize(V.to_tensor(side), [0.5] * 3, [0.5] * 3)[None])
    return sides[0], sides[1]


def scores_of(network: nn.Module, splits: Path, labels: str, seed: int) -> dict[str, Any]:
    """Scores a network on val, one picture at a time."""
    held_out, train = (pairs(splits, split, SIZE, labels) for split in ("val", "train"))
    metrics = [gb.METRICS.build(metric) for metric in with_segmenter(METRICS, held_out, train)]
    torch.manual_seed(seed)
    for index in range(len(held_out)):
        sample = held_out[index]
        source, target = sample["source"][None], sample["target"][None]
        with torch.no_grad():
            output = network(source).clamp(-1, 1)
        for metric in metrics:
            metric.update(output, target, source)
    found = {metric.name: metric.compute() for metric in metrics}
    return {
        name: {"value": rounded(score.value), "error": rounded(score.error)}
        for name, score in found.items()
    }


def main() -> None:
    """Trains the contenders one after the other; one whose lock is held is left to its holder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("cells", nargs="+", choices=("port", "paper", "best"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    splits = split_folder(options.data, options.work / "data")
    for seed in options.seeds:
        for cell in options.cells:
            name = f"minutes-{cell}-{seed}"
            with locked(options.work / f"{name}.lock", wait=False) as mine:
                for minutes in MINUTES if mine else ():
                    place = {"size": "full", "cell": cell, "seed": seed, "minutes": minutes}
                    rows = read(options.results)["rows"]
                    if any({k: row.get(k) for k in place} == place for row in rows):
                        continue
                    rest = (seed, splits, options.work / name, minutes)
                    network = train_plain(*rest) if cell == "port" else train_ours(cell, *rest)
                    labels = "colors" if cell == "port" else recipe(cell)["labels"]
                    scores = scores_of(network, splits, labels, seed)
                    kind = "fp32" if cell == "port" else precision()
                    row = {**place, "score": "val", "precision": kind, "scores": scores}
                    write(options.results, row)


if __name__ == "__main__":
    main()
