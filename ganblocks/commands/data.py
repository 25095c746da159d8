"""`ganblocks data`: checks a folder of pairs and shows how networks will see it."""

from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ganblocks.cli import parse_size
from ganblocks.data import (
    PairedImageDataset,
    PairTransform,
    SideFormat,
    held_out_split,
    split_names,
)
from ganblocks.data.color_counts import sampled
from ganblocks.data.resizing import RESIZES
from ganblocks.data.writers import write_array
from ganblocks.errors import GanBlocksError, OptionError
from ganblocks.pictures import grid, to_picture

SHOWN_PAIRS = 8
SHOWN_SIDE = 1024
SHOWN_SIZES = 4
SHOWN_PROBLEMS = 50


def add_to(actions: Any) -> None:
    """Adds `data` to the command's actions."""
    parser = actions.add_parser(
        "data",
        help="check a folder of pairs",
        description="Reads all pairs, prints counts, sizes, value ranges and problems, and saves "
        "a sheet of eight pairs before and after the transform.",
    )
    parser.add_argument("path", help="folder of pairs, or a CSV file")
    for side in ("a", "b"):
        parser.add_argument(
            f"--{side}", nargs="+", metavar="PATTERN", help=f"file pattern of side {side}"
        )
        parser.add_argument(
            f"--{side}-format",
            default="image",
            metavar="NAME|JSON",
            help=f"format of side {side}, such as image",
        )
    parser.add_argument(
        "--direction",
        default="a2b",
        choices=["a2b", "b2a"],
        help="from source to target, of sides a and b",
    )
    parser.add_argument("--held-out", type=float, default=0.0, help="fraction of pairs to hold out")
    parser.add_argument(
        "--side-by-side", action="store_true", help="split images of any shape into halves"
    )
    size = {"type": parse_size, "metavar": "256 | 256x512", "default": 256}
    parser.add_argument("--load-size", **size, help="size to resize the pairs to")
    parser.add_argument("--crop-size", **size, help="size of the crops")
    parser.add_argument(
        "--resize", default="stretch", choices=RESIZES, help="how to resize other aspect ratios"
    )
    parser.add_argument(
        "--sheet", default="pairs.png", help="output file of the sheet (default: %(default)s)"
    )
    parser.set_defaults(run=show_data)


def show_data(arguments: argparse.Namespace) -> None:
    """Prints statistics of the training and held-out pairs, and saves the sheet."""
    names = ("a_format", "b_format", "direction", "held_out", "side_by_side")
    options = {name: getattr(arguments, name) for name in names}
    for side in ("a", "b"):
        patterns = getattr(arguments, side)
        options[side] = patterns[0] if patterns and len(patterns) == 1 else patterns
    options["transform"] = PairTransform(
        arguments.load_size, arguments.crop_size, resize=arguments.resize
    )
    root = Path(arguments.path).resolve()
    if not split_names(root) and Path(arguments.sheet).resolve().is_relative_to(root):
        raise OptionError(f"--sheet {arguments.sheet} would be read as data: write it elsewhere")
    problems = 0
    splits = ["train", held_out_split(arguments.path, arguments.held_out)]
    for split in dict.fromkeys(splits):
        dataset = PairedImageDataset(arguments.path, split=split, strict=False, **options)
        options |= {"a_format": dataset.a_format, "b_format": dataset.b_format}
        problems += _print_split(dataset)
        if split == "train":
            rows = _sheet_rows(dataset)
    if splits[1] == "train":
        print("nothing is held out: make a folder val/, or use --held-out 0.1")
    if rows:
        write_array(Path(arguments.sheet), np.asarray(to_picture(grid(rows))))
        print(f"{arguments.sheet}: {len(rows)} pairs, a and b as read, then transformed as")
        print(f"source and target ({arguments.direction})")
    if problems:
        raise OptionError(f"{problems} problem{'s' if problems > 1 else ''} in {arguments.path}")


def _print_split(dataset: PairedImageDataset) -> int:
    """Prints statistics of one split, and returns its number of problems."""
    sizes: Counter[str] = Counter()
    stored: list[list[tuple[float, float]]] = [[], []]
    samples: list[list[Tensor]] = [[], []]
    problems = list(dataset.problems)

    def read(index: int) -> tuple[int, Any]:
        try:
            return index, dataset.read(0, index)
        except GanBlocksError as error:
            return index, error

    kept = sampled(len(dataset))
    with ThreadPoolExecutor() as threads:
        for index, pair in threads.map(read, range(len(dataset))):
            if isinstance(pair, GanBlocksError):
                problems.append(str(pair))
                continue
            sizes[f"{pair[0].shape[-1]}x{pair[0].shape[-2]}"] += 1
            for side in (0, 1):
                stored[side].append((float(pair[side].min()), float(pair[side].max())))
                if index in kept:
                    samples[side].append(pair[side])
    print(f"{dataset.split}: {len(dataset)} pairs, {dataset.layout}")
    common = [f"{size} ({count})" for size, count in sizes.most_common(SHOWN_SIZES)]
    others = f" and {len(sizes) - SHOWN_SIZES} other sizes" if len(sizes) > SHOWN_SIZES else ""
    print(f"  width x height: {', '.join(common)}{others}")
    sides = zip("ab", (dataset.a_format, dataset.b_format), stored, samples, strict=True)
    for name, form, extremes, images in sides:
        if images:
            print(f"  {name}: {form.describe(images)}; {_extremes(form, extremes)}")
    for line in problems[:SHOWN_PROBLEMS]:
        print(f"  problem: {line}")
    if len(problems) > SHOWN_PROBLEMS:
        print(f"  … and {len(problems) - SHOWN_PROBLEMS} more problems")
    return len(problems)


def _extremes(form: SideFormat, extremes: list[tuple[float, float]]) -> str:
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    return form.describe_pixels(low, high)


def _sheet_rows(dataset: PairedImageDataset) -> list[list[Tensor]]:
    """Returns rows of the sheet (a, b, source, target), without unreadable pairs."""
    rows: list[list[Tensor]] = []
    formats = dataset.a_format, dataset.b_format
    step = max(1, len(dataset) // SHOWN_PAIRS)
    for index in range(0, len(dataset), step):
        try:
            before, sample = dataset.read(0, index)[:2], dataset[0, index]
        except GanBlocksError:  # already listed as a problem
            continue
        row = [f.colors(f.encode(_thinned(x))) for f, x in zip(formats, before, strict=True)]
        after = [f.colors(_thinned(sample[key])) for key, f in dataset.formats.items()]  # type: ignore[literal-required]
        rows.append([*row, *(_enlarged(image, row[0]) for image in after)])
    return rows[:SHOWN_PAIRS]


def _thinned(image: Tensor) -> Tensor:
    """Returns every nth row and column of an image too large for the sheet."""
    step = -(-max(image.shape[-2:]) // SHOWN_SIDE)
    return image[..., ::step, ::step]


def _enlarged(image: Tensor, stored: Tensor) -> Tensor:
    """Repeats the pixels of a small image, as often as the cell of the stored one has room for."""
    sides = zip(stored.shape[-2:], image.shape[-2:], strict=True)
    times = max(1, min(room // side for room, side in sides))
    return image.repeat_interleave(times, -2).repeat_interleave(times, -1)
