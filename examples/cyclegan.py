r"""CycleGAN (Zhu et al., ICCV 2017): photos to label maps and back, without pairs.

Without flags, it trains on synthetic facades and label maps of other ones, in a few minutes on two
cores:

    python examples/cyclegan.py

The paper's model on two folders of your own images:

    python examples/cyclegan.py --a horses --b zebras --crop-size 256 --base-channels 64 \
        --n-blocks 9 --num-downs 2 --epochs 200 --batch-size 1 --lr 2e-4 --out runs/mine

A run writes a folder with weights, a log, sample images and a report, index.html.
"""

from dataclasses import dataclass
from typing import Any

import torch

import ganblocks as gb
from ganblocks.cli import read_flags, run_command
from ganblocks.data import held_out_split
from ganblocks.training import option

IMAGES: dict[str, Any] = {"image_format": {"type": "image", "channels": 3}, "held_out": 0.1}
"""How to read a folder of images: in color, holding out a tenth if there is no held-out split."""


@dataclass(frozen=True)
class Config(gb.TrainOptions):
    """The flags: these fields and those of TrainOptions; the defaults are for the small run."""

    a: str = option("synthetic", "'synthetic', or the folder of domain a", may_change=True)
    b: str = option("synthetic", "'synthetic', or the folder of domain b", may_change=True)
    crop_size: int = option(64, "size of the random crops", least=32)
    base_channels: int = option(16, "channels of the first layer of all networks", least=1)
    n_blocks: int = option(3, "residual blocks of the generators", least=0)
    num_downs: int = option(2, "number of halvings in the generators", least=0)
    n_layers: int = option(3, "stride-2 layers of the PatchGANs; 3 see whole facades", least=1)
    cycle: float = option(10.0, "weight of the cycle loss", least=0)
    identity: float = option(0.0, "weight of the identity loss; the paper's is 5", least=0)
    pool_size: int = option(50, "size of the pool of generated images for each D", least=0)
    epochs: int = option(8, "passes over the data, which the schedule spans", least=1)
    batch_size: int = option(4, "samples per step and process", least=1)
    ema: float | None = option(0.99, "decay of the generators' running average", least=0)
    lr: float = option(1e-3, "learning rate of both optimizers", least=0)
    out: str = option("runs/cyclegan", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[gb.data.UnpairedImageDataset]:
    """Returns the unpaired training images and the held-out ones."""
    sets = []
    for split, length in (("train", 400), ("val", 32)):
        sides: list[Any] = []
        for number, root in enumerate((config.a, config.b)):
            random = split == "train"
            if root == "synthetic":  # photos, and label maps of other facades
                seed = 2 * config.seed + (number if random else 0)
                fronts = gb.SyntheticFacades(length, config.crop_size, split=split, seed=seed)
                sides.append(gb.data.ImagesOfPairs(fronts, ("target", "source")[number]))
            else:
                transform = gb.data.PairTransform(None, config.crop_size, random=random)
                name = split if random else held_out_split(root, IMAGES["held_out"])
                sides.append(gb.data.ImageDataset(root, split=name, transform=transform, **IMAGES))
        sets.append(gb.data.UnpairedImageDataset(*sides, shuffle=split == "train"))
    return sets


def make_task(config: Config) -> gb.UnpairedTranslation:
    """Builds networks, losses and optimizers."""
    common: dict[str, Any] = {"base_channels": config.base_channels, "norm": "instance"}
    return gb.UnpairedTranslation(
        {
            "type": "resnet",
            "n_blocks": config.n_blocks,
            "num_downs": config.num_downs,
            "up": "nearest",
            **common,
        },
        {"type": "patch", "in_channels": 3, "n_layers": config.n_layers, **common},
        {"terms": {"adversarial": "lsgan"}, "discriminator_weight": 0.5},
        cycle={"type": "l1", "weight": config.cycle},
        identity={"type": "l1", "weight": config.identity} if config.identity else None,
        pool_size=config.pool_size,
        optimizer={"type": "adam", "lr": config.lr, "betas": [0.5, 0.999]},
        seed=config.seed,
    )


def label_accuracy(generator: torch.nn.Module, config: Config) -> float:
    """Returns the fraction of pixels with the right label, on held-out synthetic facades."""
    fronts = gb.SyntheticFacades(32, config.crop_size, split="val", seed=2 * config.seed)
    samples = [fronts[index] for index in range(len(fronts))]
    photos, labels = (torch.stack([s[side] for s in samples]) for side in ("target", "source"))
    found = gb.generate(generator, photos).cpu()
    found, labels = (gb.data.rgb_to_classes(gb.pictures.to_bytes(x)) for x in (found, labels))
    return (found == labels).float().mean().item()


def main() -> None:
    """Reads the flags, trains, and measures the cycle error (and labels of synthetic facades)."""
    config = read_flags(Config, prog="cyclegan.py", description=__doc__)
    run = gb.RunFolder(config.out)
    if not config.resume:
        run.require_unused()
    with gb.distributed.process_group(gb.training.resolve_device(config.device)) as context:
        train, val = make_data(config)
        if context.is_main_process:
            print(gb.data.describe_sizes(train, val))
        torch.manual_seed(config.seed)
        updater = gb.fit(make_task(config), train, val, run, config)
        if context.is_main_process:
            print(f"held-out cycle error {float(run.spec['scores']['cycle']):.3f}")
            if config.a == config.b == "synthetic":
                accuracy = label_accuracy(updater.inference_network("generator_ab"), config)
                print(f"labels right on {accuracy:.0%} of the pixels")
            print(f"look at {run.path / 'index.html'}")


if __name__ == "__main__":
    run_command(main)
