r"""Super-resolution (SRGAN, Ledig et al., CVPR 2017), built from ganblocks components.

Without flags, it trains on synthetic facades with a scale of 4, in a few minutes on two cores:

    python examples/super_resolution.py

On a folder of your own images, which it downscales itself, with a larger network:

    python examples/super_resolution.py --data my_pictures --crop-size 128 --base-channels 64 \
        --n-blocks 16 --epochs 200 --batch-size 16 --out runs/mine

A run writes a folder with weights, a log, sample images and a report, index.html.
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
"""How to read a folder of images: in color, holding out a tenth if there is no held-out split."""


@dataclass(frozen=True)
class Config(gb.TrainOptions):
    """The flags: these fields and those of TrainOptions; the defaults are for the small run."""

    data: str = option("synthetic", "'synthetic', or a folder of images", may_change=True)
    scale: int = option(4, "scale of the output: 2 or 4", least=2)
    crop_size: int = option(96, "size of the random crops of the large images", least=32)
    base_channels: int = option(32, "channels of the generator", least=1)
    n_blocks: int = option(4, "residual blocks of the generator", least=1)
    adversarial: str = option("ragan", "adversarial loss", "none", *gb.ADVERSARIAL_LOSSES.names())
    adversarial_weight: float = option(2e-3, "its weight; L1's is 1", least=0)
    adversarial_start: int = option(800, "the step at which it starts", least=0)
    epochs: int = option(8, "passes over the data, which the schedule spans", least=1)
    batch_size: int = option(4, "samples per step and process", least=1)
    ema: float | None = option(0.99, "decay of the generator's running average", least=0)
    schedule: str = option("cosine", "learning-rate schedule", *gb.training.SCHEDULES.names())
    lr: float = option(1e-3, "learning rate of both optimizers", least=0)
    out: str = option("runs/super_resolution", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[gb.data.DownscaledPairs]:
    """Returns the training pairs of small and large images, and the held-out ones."""
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
    """Builds networks, losses and optimizers."""
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
        conditional=False,  # the discriminator is unconditional
        optimizer={"type": "adam", "lr": config.lr, "betas": [0.9, 0.99]},
    )


def psnr(image: Tensor, target: Tensor) -> float:
    """Returns the peak signal-to-noise ratio in dB of an image in [-1, 1]."""
    return 10 * log10(4 / (image.clamp(-1, 1) - target).square().mean().item())


def main() -> None:
    """Reads the flags, trains, and compares the held-out images with bicubic interpolation."""
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
