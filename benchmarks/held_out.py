"""Compares a run on drawn facades with what needs no learning, on held-out pairs.

The mean photo knows nothing of the labels; the best table from class to colour (the median of
each class) knows nothing but the pixel's own class.

    python benchmarks/held_out.py runs/facades --record
"""

import argparse
import sys
from pathlib import Path

import torch
from recording import record
from torch import Tensor

from ganblocks import CMP_PALETTE, PairTransform, RunFolder, SyntheticFacades, load, mean_l1
from ganblocks.data import rgb_to_classes
from ganblocks.pictures import to_bytes


def photos_and_classes(dataset: SyntheticFacades) -> tuple[Tensor, Tensor]:
    """Stacks all photos (N, 3, H, W) in [-1, 1] and class maps (N, H, W)."""
    samples = [dataset[index] for index in range(len(dataset))]
    labels = torch.stack([to_bytes(sample["b"]) for sample in samples])
    return torch.stack([sample["a"] for sample in samples]), rgb_to_classes(labels)


def class_medians(photos: Tensor, classes: Tensor) -> Tensor:
    """Fits the table: the median colour of each class, which no other table beats in L1."""
    pixels = photos.movedim(1, -1)
    empty = torch.zeros(3)
    rows = [pixels[classes == number] for number in range(len(CMP_PALETTE))]
    return torch.stack([row.median(0).values if len(row) else empty for row in rows])


def main() -> int:
    """Prints the three figures; the exit code tells whether the run is good enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--record", action="store_true", help="write them for the docs")
    options = parser.parse_args()
    config = RunFolder.open(options.run).spec["config"]
    transform = PairTransform(load_size=None, crop_size=config["crop_size"], mirror=False)
    train, held_out = (
        SyntheticFacades(
            length, config["load_size"], split=split, transform=transform, seed=config["seed"]
        )
        for split, length in (("train", 400), ("val", 100))
    )
    photos, classes = photos_and_classes(train)
    wanted, maps = photos_and_classes(held_out)
    mean_photo = (wanted - photos.mean(0)).abs().mean().item()
    table = class_medians(photos, classes)[maps].movedim(-1, 1)
    by_table = (wanted - table).abs().mean().item()
    model = mean_l1(load(options.run), held_out, config["direction"])
    rows = [
        ("mean photo", f"{mean_photo:.4f}"),
        ("best colour table", f"{by_table:.4f}"),
        ("model", f"{model:.4f}"),
    ]
    print(f"L1 on {len(held_out)} held-out pairs")
    for name, figure in rows:
        print(f"{name:20} {figure}")
    if options.record:
        record(
            "The recipe without a flag",
            ("prediction", "L1 of held-out photos, in [−1, 1]"),
            rows,
            f"""{len(held_out)} pairs of SyntheticFacades. The mean photo knows nothing of the
            labels; the table gives each class its median colour, which no other table beats.""",
        )
    print(f"model / mean photo   {model / mean_photo:.2f}  (to reach: below 0.50)")
    print(f"model / table        {model / by_table:.2f}  (to reach: at most 0.80)")
    return int(not (model < 0.5 * mean_photo and model <= 0.8 * by_table))


if __name__ == "__main__":
    sys.exit(main())
