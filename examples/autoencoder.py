r"""An autoencoder with a discriminator (VQGAN, Esser et al., CVPR 2021; latent diffusion, 2022).

Without flags, it trains on synthetic facades, in a few minutes on two cores:

    python examples/autoencoder.py

On a folder of your own images, with a larger network:

    python examples/autoencoder.py --data my_pictures --crop-size 128 --base-channels 64 \
        --num-downs 3 --epochs 100 --start 20000 --factor 0.8 --out runs/mine

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
    crop_size: int = option(64, "size of the random crops", least=32)
    num_downs: int = option(2, "number of halvings in the encoder", least=1)
    code_channels: int = option(4, "channels of the code", least=1)
    base_channels: int = option(16, "channels of both networks at full size", least=1)
    adversarial: str = option("hinge", "adversarial loss", "none", *gb.ADVERSARIAL_LOSSES.names())
    factor: float = option(0.2, "its gradient as a fraction of L1's", least=0)
    start: int = option(400, "the step at which it starts", least=0)
    kl_weight: float = option(1e-6, "weight of the KL divergence of the code", least=0)
    epochs: int = option(6, "passes over the data, which the schedule spans", least=1)
    batch_size: int = option(8, "samples per step and process", least=1)
    ema: float | None = option(0.99, "decay of the autoencoder's running average", least=0)
    schedule: str = option("cosine", "learning-rate schedule", *gb.training.SCHEDULES.names())
    lr: float = option(1e-3, "learning rate of both optimizers", least=0)
    out: str = option("runs/autoencoder", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[Any]:
    """Returns the training images and the held-out ones."""
    if config.data == "synthetic":
        common: dict[str, Any] = {"size": config.crop_size, "seed": config.seed}
        sizes = {"train": 1000, "val": 32}
        fronts = [gb.SyntheticFacades(sizes[s], split=s, **common) for s in sizes]
        return [gb.data.ImagesOfPairs(pairs) for pairs in fronts]
    sides = []
    for split, random in (
        ("train", True),
        (held_out_split(config.data, IMAGES["held_out"]), False),
    ):
        transform = gb.data.PairTransform(None, config.crop_size, random=random)
        sides.append(gb.data.ImageDataset(config.data, split=split, transform=transform, **IMAGES))
    return sides


def make_task(config: Config) -> gb.Reconstruction:
    """Builds networks, losses and optimizers."""
    terms: dict[str, Any] = {"l1": "l1", "kl": {"type": "network", "weight": config.kl_weight}}
    if config.adversarial != "none":
        adaptive = {"type": "adaptive", "factor": config.factor}
        adversarial = {"type": config.adversarial, "weight": adaptive, "start": config.start}
        terms["adversarial"] = adversarial
    return gb.Reconstruction(
        {
            "type": "autoencoder",
            "num_downs": config.num_downs,
            "code_channels": config.code_channels,
            "base_channels": config.base_channels,
            "n_blocks": 1,
        },
        {"type": "patch", "in_channels": 3, "base_channels": 16, "n_layers": 2},
        {"terms": terms},
        optimizer={"type": "adam", "lr": config.lr, "betas": [0.5, 0.9]},
    )


def spectrum(images: Tensor) -> Tensor:
    """Returns the mean log power of images (B, C, H, W) by radius in the frequency plane."""
    power = torch.fft.fft2(images.double().mean(1)).abs().square().mean(0)
    rows, columns = (torch.fft.fftfreq(n, 1 / n) for n in power.shape)
    radius = torch.hypot(rows[:, None], columns).round().long().flatten()
    sums = torch.zeros(int(radius.max()) + 1, dtype=torch.float64)
    mean = sums.index_add(0, radius, power.flatten()) / radius.bincount()
    return (mean + 1e-8).log10()[1 : min(power.shape) // 2]


def main() -> None:
    """Reads the flags, trains, and compares the held-out images and their spectra."""
    config = read_flags(Config, prog="autoencoder.py", description=__doc__)
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
            images = torch.stack([val[index]["image"] for index in range(len(val))])
            outputs = gb.generate(updater.inference_network("generator"), images).cpu()
            error = (spectrum(outputs) - spectrum(images)).abs()
            print(f"held-out L1 {(outputs - images).abs().mean():.4f}")
            print(
                f"distance of the log spectra {error.mean():.3f}; "
                f"of its upper half {error[len(error) // 2 :].mean():.3f}"
            )
            print(f"look at {run.path / 'index.html'}; use it with ganblocks.load({config.out!r})")


if __name__ == "__main__":
    run_command(main)
