r"""Super-resolution (SRGAN, Ledig et al., CVPR 2017), assembled from ganblocks' parts.

Without flags, it learns to enlarge drawn facades four times, in a few minutes on two cores:

    python examples/super_resolution.py

The same for a folder of your own pictures, which it makes smaller itself, with a larger network:

    python examples/super_resolution.py --data my_pictures --crop-size 128 --base-channels 64 \
        --n-blocks 16 --epochs 200 --batch-size 16 --out runs/mine

A run writes a folder with weights, log, pictures and a report, index.html.
"""

from dataclasses import dataclass
from math import log10
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

import ganblocks as gb
from ganblocks.cli import read_flags, run_command
from ganblocks.data import held_out_split
from ganblocks.tasks.metrics import enlarged
from ganblocks.training import option

IMAGES: dict[str, Any] = {"image_format": {"type": "image", "channels": 3}, "held_out": 0.1}
"""How pictures of a folder are read: in color, a tenth held out if no folder holds any."""


@dataclass(frozen=True)
class Config(gb.TrainOptions):
    """The flags: these, and every field of TrainOptions; the defaults are for the small run."""

    data: str = option("synthetic", "'synthetic', or a folder of pictures", may_change=True)
    scale: int = option(4, "how many times larger the output is: 2 or 4", least=2)
    crop_size: int = option(96, "random crops of the large pictures have this size", least=32)
    base_channels: int = option(32, "channels of the generator", least=1)
    n_blocks: int = option(4, "residual blocks of the generator", least=1)
    adversarial: str = option("ragan", "adversarial loss", "none", *gb.ADVERSARIAL_LOSSES.names())
    adversarial_weight: float = option(2e-3, "its weight; that of L1 is 1", least=0)
    adversarial_start: int = option(800, "the step at which it begins", least=0)
    epochs: int = option(8, "passes over the data, which the schedule spans", least=1)
    batch_size: int = option(4, "samples per step and process", least=1)
    ema: float | None = option(0.99, "decay of the generator's running average", least=0)
    schedule: str = option("cosine", "learning rate by the epoch", *gb.training.SCHEDULES.names())
    lr: float = option(1e-3, "learning rate of both Adams", least=0)
    out: str = option("runs/super_resolution", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[gb.data.DownscaledPairs]:
    """Returns pairs of a small and a large picture: those to learn from, and the held-out ones."""
    pairs = []
    for split, length in (("train", 800), ("val", 32)):
        if config.data == "synthetic":
            facades = gb.SyntheticFacades(length, config.crop_size, split=split, seed=config.seed)
            images: Any = gb.data.ImagesOfPairs(facades)
        else:
            size = config.crop_size
            transform = gb.data.PairTransform(None, size, random=split == "train")
            name = split if split == "train" else held_out_split(config.data, IMAGES["held_out"])
            images = gb.data.ImageDataset(config.data, split=name, transform=transform, **IMAGES)
        pairs.append(gb.data.DownscaledPairs(images, config.scale))
    return pairs


def make_task(config: Config) -> gb.PairedTranslation:
    """Puts together networks, losses and optimizers."""
    terms: dict[str, Any] = {"l1": "l1"}
    if config.adversarial != "none":
        terms["adversarial"] = {
            "type": config.adversarial,
            "weight": config.adversarial_weight,
            "start": config.adversarial_start,
        }
    return gb.PairedTranslation(
        {
            "type": "edsr",
            "scale": config.scale,
            "base_channels": config.base_channels,
            "n_blocks": config.n_blocks,
        },
        {"type": "patch", "in_channels": 3, "base_channels": 16, "n_layers": 2, "norm": "none"},
        {"terms": terms},
        conditional=False,  # the discriminator sees the large pictures alone
        optimizer={"type": "adam", "lr": config.lr, "betas": [0.9, 0.99]},
    )


def psnr(image: Tensor, target: Tensor) -> float:
    """Returns the peak signal-to-noise ratio in dB of an image in [-1, 1]."""
    return 10 * log10(4 / (image.clamp(-1, 1) - target).square().mean().item())


def main() -> None:
    """Reads the flags, trains, and compares the held-out pictures with bicubic enlargement."""
    config = read_flags(Config, prog="super_resolution.py", description=__doc__)
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
            generator = updater.inference_network("generator")
            ours, bicubic = [], []
            for sample in (val[index] for index in range(len(val))):
                source, target = sample["source"][None], sample["target"][None]
                ours.append(psnr(gb.generate(generator, source).cpu(), target))
                bicubic.append(psnr(enlarged(source, target.shape[2:]), target))
            print(f"held-out PSNR {fmean(ours):.2f} dB; bicubic {fmean(bicubic):.2f} dB")
            print(f"look at {run.path / 'index.html'}; use it with ganblocks.load({config.out!r})")


if __name__ == "__main__":
    run_command(main)
