r"""Noise to image with R3GAN's networks and loss (Huang et al., NeurIPS 2024).

Without flags, it trains on synthetic facades, in a few minutes on two cores:

    python examples/noise_to_image.py

On a folder of your own images, with a larger network:

    python examples/noise_to_image.py --data my_pictures --base-channels 64 --epochs 500 \
        --batch-size 64 --ema 0.999 --lr 2e-4 --gamma 1 --out runs/mine

A run writes a folder with weights, a log, sample images and a report, index.html.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import ganblocks as gb
from ganblocks.cli import read_flags, run_command
from ganblocks.data import held_out_split
from ganblocks.training import option

IMAGES: dict[str, Any] = {"image_format": {"type": "image", "channels": 3}, "held_out": 0.1}
"""How to read a folder of images: in color, holding out a tenth if there is no held-out split."""


@dataclass(frozen=True)
class Config(gb.TrainOptions):
    """The flags: these fields and those of TrainOptions; the defaults are for the small run."""

    data: str = option("synthetic", "'synthetic', or a folder of images", may_change=True)
    size: int = option(64, "side of the images, 4 times a power of two", least=8)
    base_channels: int = option(8, "channels of both networks at full size", least=1)
    n_blocks: int = option(1, "residual blocks at each size", least=1)
    latent_dim: int = option(64, "length of the noise", least=1)
    penalty_interval: int = option(8, "steps between penalties", least=1)
    gamma: float = option(10.0, "weight of both gradient penalties, R1 and R2", least=0)
    epochs: int = option(5, "passes over the data, which the schedule spans", least=1)
    batch_size: int = option(8, "samples per step and process", least=1)
    ema: float | None = option(0.99, "decay of the generator's running average", least=0)
    schedule: str = option("cosine", "learning-rate schedule", *gb.training.SCHEDULES.names())
    lr: float = option(2e-3, "learning rate of both optimizers", least=0)
    sample_every: int = option(100, "steps between grids", least=1, may_change=True)
    out: str = option("runs/noise_to_image", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[Any]:
    """Returns the training images and the held-out ones."""
    if config.data == "synthetic":
        common: dict[str, Any] = {"size": config.size, "seed": config.seed}
        sizes = {"train": 1600, "val": 64}
        fronts = [gb.SyntheticFacades(sizes[s], split=s, **common) for s in sizes]
        return [gb.data.ImagesOfPairs(pairs) for pairs in fronts]
    sides = []
    for split, random in (
        ("train", True),
        (held_out_split(config.data, IMAGES["held_out"]), False),
    ):
        transform = gb.data.PairTransform(config.size, config.size, random=random)
        sides.append(gb.data.ImageDataset(config.data, split=split, transform=transform, **IMAGES))
    return sides


def make_task(config: Config) -> gb.Unconditional:
    """Builds networks, losses and optimizers."""
    networks: dict[str, Any] = {
        "image_size": config.size,
        "base_channels": config.base_channels,
        "n_blocks": config.n_blocks,
    }
    penalty = {"weight": config.gamma, "interval": config.penalty_interval}
    return gb.Unconditional(
        {"type": "latent", "latent_dim": config.latent_dim, **networks},
        {"type": "residual", "in_channels": 3, **networks},
        {"terms": {"gan": "rpgan", "r1_r2": {"type": "r1_r2", **penalty}}},
        optimizer={"type": "adam", "lr": config.lr, "betas": [0.0, 0.99]},
    )


def diversity(images: Tensor) -> float:
    """Returns the mean root-mean-square distance between images."""
    count = len(images)
    distances = torch.cdist(images.flatten(1), images.flatten(1)) / images[0].numel() ** 0.5
    return float(distances.sum()) / max(1, count * (count - 1))


def main() -> None:
    """Reads the flags, trains, and compares the diversity of generated and real images."""
    config = read_flags(Config, prog="noise_to_image.py", description=__doc__)
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
            real = torch.stack([val[index]["image"] for index in range(len(val))])
            latents = torch.randn(len(val), config.latent_dim)
            fakes = gb.generate(updater.inference_network("generator"), latents).cpu()
            print(f"diversity {diversity(fakes):.3f}; of held-out pictures {diversity(real):.3f}")
            print(f"look at {run.path / 'index.html'}; use it with ganblocks.load({config.out!r})")


if __name__ == "__main__":
    run_command(main)
