"""Compares a run on drawn facades with what needs no learning, on held-out pairs.

The mean photo knows nothing of the labels; the best table from class to color (the median of each
class) knows only the pixel's own class.

    python benchmarks/held_out.py runs/facades --record
"""

import sys
from pathlib import Path

import torch
from recording import flags, report
from torch import Tensor

from ganblocks import RunFolder, SyntheticFacades, load
from ganblocks.data import CMP_PALETTE, PairTransform, rgb_to_classes
from ganblocks.errors import OptionError
from ganblocks.pictures import to_bytes
from ganblocks.training import mean_l1


def photos_and_classes(dataset: SyntheticFacades) -> tuple[Tensor, Tensor]:
    """Stacks all photos (N, 3, H, W) in [-1, 1] and class maps (N, H, W)."""
    samples = [dataset[index] for index in range(len(dataset))]
    labels = torch.stack([to_bytes(sample["source"]) for sample in samples])
    return torch.stack([sample["target"] for sample in samples]), rgb_to_classes(labels)


def class_medians(photos: Tensor, classes: Tensor) -> Tensor:
    """Fits the table: the median color of each class, which no other table beats in L1."""
    pixels = photos.movedim(1, -1)
    empty = torch.zeros(3)
    rows = [pixels[classes == number] for number in range(len(CMP_PALETTE))]
    return torch.stack([row.median(0).values if len(row) else empty for row in rows])


def datasets(run: Path) -> list[SyntheticFacades]:
    """Returns the pairs that a run learned from, and more held-out ones than the run had."""
    options = RunFolder.open(run).spec["options"]
    if (options["data"], options["direction"]) != ("synthetic", "b2a"):
        raise OptionError(
            f"{run} was trained with data={options['data']} and direction={options['direction']}: "
            "name a run of drawn facades, labels to photo"
        )
    size, seed = options["load_size"], options["seed"]
    transform = PairTransform(size, options["crop_size"], mirror=False)
    return [
        SyntheticFacades(length, size, split=split, transform=transform, seed=seed)
        for split, length in (("train", 400), ("val", 100))
    ]


def main() -> int:
    """Prints the three figures; the exit code tells whether the run is good enough."""
    parser = flags(__doc__)
    parser.add_argument("run", type=Path)
    options = parser.parse_args()
    train, held_out = datasets(options.run)
    photos, classes = photos_and_classes(train)
    wanted, maps = photos_and_classes(held_out)
    mean_photo = (wanted - photos.mean(0)).abs().mean().item()
    table = class_medians(photos, classes)[maps].movedim(-1, 1)
    by_table = (wanted - table).abs().mean().item()
    model = mean_l1(load(options.run), held_out)
    report(
        "The recipe without flags",
        ("prediction", "L1 of held-out photos, in [−1, 1]"),
        [
            ("mean photo", f"{mean_photo:.4f}"),
            ("best color table", f"{by_table:.4f}"),
            ("model", f"{model:.4f}"),
        ],
        f"""{len(held_out)} pairs of SyntheticFacades. The mean photo knows nothing of the labels;
        the table gives each class its median color, which no other table beats.""",
        record=options.record,
    )
    print(f"model / mean photo   {model / mean_photo:.2f}  (target: below 0.50)")
    print(f"model / table        {model / by_table:.2f}  (target: at most 0.80)")
    return int(not (model < 0.5 * mean_photo and model <= 0.8 * by_table))


if __name__ == "__main__":
    sys.exit(main())
