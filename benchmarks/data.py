"""Measures how fast pairs are loaded: by a plain script, by ours, and from memory.

python benchmarks/data.py --data datasets/facades --step 5 --record
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from recording import flags, report
from step_variants import Setting, ours
from timing import medians
from torch import Tensor
from torch.nn.functional import one_hot
from torchvision.transforms import functional as F

from ganblocks import PairedImageDataset, SyntheticFacades
from ganblocks.cli import run_command
from ganblocks.data import PairTransform, rgb_to_classes
from ganblocks.data.scan import picture_files
from ganblocks.pictures import to_picture
from ganblocks.training import resolve_device
from ganblocks.training.batches import ResumableBatchSampler, load_batches

LOAD, CROP = 286, 256
CLASSES, DEEP = "12 classes", "16 bits"


def to_floats(side: Image.Image, kind: str) -> Tensor:
    """Converts a side as scripts do: colors, classes or 16 bits."""
    if kind == CLASSES:
        hot = one_hot(torch.from_numpy(np.asarray(side)).long(), 12)
        return hot.permute(2, 0, 1) * 2.0 - 1
    if kind == DEEP:
        return torch.from_numpy(np.asarray(side, np.float32))[None] / 32767.5 - 1
    floats: Tensor = F.normalize(F.to_tensor(side), [0.5] * 3, [0.5] * 3)
    return floats


def plain_pairs(folder: Path, kind: str = "") -> Iterator[dict[str, Tensor]]:
    """Reads pairs as scripts do: decode, resize, crop, mirror, and then convert to tensors."""
    paths = picture_files(folder / "train" / ("a" if kind else ""))
    while True:
        for path in random.sample(paths, len(paths)):
            if kind:
                other = next((folder / "train" / "b").glob(f"{path.stem}.*"))
                sides: list[Image.Image] = [Image.open(path), Image.open(other)]
            else:
                picture = Image.open(path).convert("RGB")
                half, height = picture.width // 2, picture.height
                sides = [picture.crop((x, 0, x + half, height)) for x in (0, half)]
            left, top = random.randint(0, LOAD - CROP), random.randint(0, LOAD - CROP)
            mirrored = random.random() < 0.5
            tensors = []
            for index, side in enumerate(sides):
                is_labels = kind == CLASSES and index
                way = Image.Resampling.NEAREST if is_labels else Image.Resampling.BICUBIC
                side = side.resize((LOAD, LOAD), way)
                side = side.crop((left, top, left + CROP, top + CROP))
                if mirrored:
                    side = side.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
                tensors.append(to_floats(side, "" if kind == CLASSES and not index else kind))
            yield {"source": tensors[1][None], "target": tensors[0][None]}


def our_pairs(
    folder: Path, cache: str, device: torch.device, **formats: Any
) -> Iterator[dict[str, Tensor]]:
    """Returns batches of one pair, as training gets them."""
    transform = PairTransform(LOAD, CROP)
    dataset = PairedImageDataset(folder, direction="b2a", transform=transform, **formats)
    sampler = ResumableBatchSampler(len(dataset), 1, seed=0)
    return load_batches(dataset, sampler, device=device, cache=cache)


def draw_facades(folder: Path, count: int) -> None:
    """Fills a folder with pictures of a drawn photo and its labels, side by side."""
    (folder / "train").mkdir(parents=True)
    drawn = SyntheticFacades(count, CROP)
    for index in range(count):
        a, b, name = drawn.read(0, index)
        to_picture(torch.cat((a, b), -1)).save(folder / "train" / f"{name}.jpg", quality=90)


def waiting(
    sources: dict[str, Iterator[dict[str, Tensor]]], device: torch.device, steps: int
) -> dict[str, float]:
    """Returns the median share of a training step that passes before its batch is ready."""
    step = ours(Setting(CROP, 64, device))
    shares: dict[str, list[float]] = {name: [] for name in sources}
    for turn in range(steps + 1):
        for name, source in sources.items():
            start = time.perf_counter()
            batch = next(source)
            waited = time.perf_counter() - start
            figures = step(batch["source"], batch["target"])
            torch.stack(list(figures.values())).tolist()  # waits for the device
            if turn:  # the first one warms up
                shares[name].append(waited / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in shares.items()}


def save_kinds(folder: Path, classes: Path, deep: Path) -> None:
    """Writes the pairs of a folder as photo and class numbers, and in gray of 16 bits."""
    for root in (classes, deep):
        for side in "ab":
            (root / "train" / side).mkdir(parents=True)
    for path in picture_files(folder / "train"):
        picture = Image.open(path).convert("RGB")
        half, name = picture.width // 2, f"{path.stem}.png"
        sides = [picture.crop((x, 0, x + half, picture.height)) for x in (0, half)]
        colors = torch.from_numpy(np.array(sides[1])).movedim(-1, 0)
        sides[0].save(classes / "train" / "a" / f"{path.stem}.jpg", quality=90)
        numbers = rgb_to_classes(colors).numpy().astype(np.uint8)
        Image.fromarray(numbers).save(classes / "train" / "b" / name)
        for side, half_picture in zip("ab", sides, strict=True):
            gray = np.asarray(half_picture.convert("L")).astype(np.uint16) * 257
            Image.fromarray(gray).save(deep / "train" / side / name)


def measure(
    folder: Path, classes: Path, deep: Path, options: argparse.Namespace
) -> list[tuple[str, str, str, str]]:
    """Makes the table's rows: the source, pairs per second, their ratio, the share of a step."""
    device, cpu = resolve_device(options.device), torch.device("cpu")
    sources = {
        "plain": plain_pairs(folder),
        "streamed": our_pairs(folder, "never", cpu),
        "cached": our_pairs(folder, "always", cpu),
        f"plain, {CLASSES}": plain_pairs(classes, CLASSES),
        f"cached, {CLASSES}": our_pairs(
            classes, "always", cpu, b_format={"type": "labels", "classes": 12}
        ),
        f"plain, {DEEP}": plain_pairs(deep, DEEP),
        f"cached, {DEEP}": our_pairs(deep, "always", cpu),
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds = medians(
        {name: partial(next, source) for name, source in sources.items()},
        options.turns,
        warm_up=1,
        repeats=options.pairs,
        clock=time.process_time,
    )
    torch.set_num_threads(threads)
    shares: dict[str, float] = {}
    if options.step:
        sources = {
            "streamed": our_pairs(folder, "never", device),
            "cached": our_pairs(folder, "always", device),
        }
        shares = waiting(sources, device, options.step)
    return [
        (
            name,
            f"{1 / second:.0f}",
            f"{seconds[name.replace('cached', 'plain').replace('streamed', 'plain')] / second:.1f}",
            f"{shares[name]:.3%}" if name in shares else "–",
        )
        for name, second in seconds.items()
    ]


def main() -> None:
    """Prints how fast each way loads pairs, and how long a step waits for them."""
    parser = flags(__doc__)
    parser.add_argument("--data", type=Path, help="folder of pairs; without it, drawn ones")
    parser.add_argument("--turns", type=int, default=9, help="measured turns of each")
    parser.add_argument("--pairs", type=int, default=40, help="pairs of a turn")
    parser.add_argument("--step", type=int, default=0, help="measured training steps of each")
    parser.add_argument("--device", default="auto", help="of the training steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        drawn, classes, deep = (Path(scratch) / name for name in ("drawn", "classes", "deep"))
        if options.data is None:
            draw_facades(drawn, options.pairs)
        folder = options.data or drawn
        save_kinds(folder, classes, deep)
        rows = measure(folder, classes, deep, options)
    report(
        "How fast pairs are loaded",
        ("pairs", "pairs/s per core", "× plain", "share of a step"),
        rows,
        f"""Medians of {options.turns} turns of {options.pairs} pairs, in turn, in one thread and in
        CPU seconds: JPEG pairs, resized to {LOAD}, cut to {CROP} pixels, mirrored at
        random, floats, batch 1. Plain is a typical script with Pillow. 12 classes: JPEG
        photos, and class numbers in PNGs, which become one channel each; 16 bits: two gray PNGs.
        × plain is against the same kind. Cached is after all
        pairs were decoded once. The share is how much of its time a step of the paper's model waits
        for its batch, on {resolve_device(options.device)} in fp32.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
