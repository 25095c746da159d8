"""pix2pix (Isola et al., CVPR 2017) on facades, built from ganblocks components.

Without flags, it trains a small model on synthetic facades, in three minutes on two cores:

    python examples/pix2pix_facades.py

The paper's model on real facades, and what worked best on them, on your own pairs:

    python examples/pix2pix_facades.py --preset paper --data cmp --out runs/paper
    python examples/pix2pix_facades.py --preset best --data my_pairs --out runs/mine

The same on four GPUs, each with its own batches:

    torchrun --nproc-per-node 4 examples/pix2pix_facades.py --preset paper --data my_pairs

A run writes a folder with weights, a log, sample images and a report, index.html.
"""

from dataclasses import dataclass
from typing import Any

import torch

import ganblocks as gb
from ganblocks.cli import read_flags, run_command
from ganblocks.data import describe_pairs, held_out_split, require_readable
from ganblocks.errors import OptionError
from ganblocks.training import option

DIALECTS = ("unet", "unet_256_lua", "unet_256_tutorial")
PAPER = {"data": "cmp", "load_size": 286, "crop_size": 256, "epochs": 200, "num_downs": 8}
PAPER |= {"generator": "unet_256_lua", "base_channels": 64, "n_layers": 3, "lr": 2e-4}
PAPER |= {"up": "deconv", "lambda_l1": 100.0, "ema": None, "schedule": "linear", "log_every": 1}
TUTORIAL = {"generator": "unet_256_tutorial", "adversarial": "lsgan", "lambda_l1": 10.0}
BEST = TUTORIAL | {"generator": "unet", "num_downs": 6, "norm": "instance", "ema": 0.999}
BEST |= {"up": "nearest", "up_padding": "replicate", "base_channels": 32, "epochs": 60}
PRESETS = {"paper": PAPER, "tutorial": PAPER | TUTORIAL, "best": PAPER | BEST}


@dataclass(frozen=True)
class Config(gb.TrainOptions):
    """The flags: these fields and those of TrainOptions; the defaults are for the small run."""

    preset: str | None = option(None, "set many flags at once", *PRESETS)
    data: str = option(
        "synthetic", "'synthetic', 'cmp' (downloads), or a folder of pairs", may_change=True
    )
    direction: str = option("b2a", "source to target; facades: a photos, b labels", "a2b", "b2a")
    a: str | None = option(None, "file pattern of side a, such as '*_HE.png'; * is the pair's name")
    b: str | None = option(None, "file pattern of side b, such as '*_IHC.png'")
    a_format: str = option("image", "format of side a: a name, or a spec as JSON")
    b_format: str = option("image", "format of side b, in the same form")
    held_out: float = option(0.1, "fraction to hold out if there is no such split", least=0)
    side_by_side: bool = option(False, "split files into halves even if they are not two squares")
    load_size: int | str = option(128, "images are resized to this size: 286, or HEIGHTxWIDTH")
    crop_size: int | str = option(128, "size of the random crops")
    resize: str = option("stretch", "how other aspects resize", "stretch", "cover", "contain")
    generator: str = option("unet", "dialect of the U-Net (see UNetDialect)", *DIALECTS)
    base_channels: int = option(16, "channels of the first layer of both networks", least=1)
    num_downs: int = option(6, "number of halvings in the generator", least=1)
    up: str = option("nearest", "up-sampler of the generator", *gb.blocks.UPSAMPLERS.names())
    up_padding: str = option("zeros", "its borders", "zeros", "reflect", "replicate")
    n_layers: int = option(2, "stride-2 layers of the PatchGAN; 3 sees 70x70 patches", least=1)
    norm: str = option("batch", "norm of both networks", *gb.blocks.NORMS.names())
    adversarial: str = option("vanilla", "adversarial loss", "none", *gb.ADVERSARIAL_LOSSES.names())
    lambda_l1: float = option(300.0, "weight of the L1 loss", least=0)
    penalty: str = option("none", "penalty on the discriminator", "none", *gb.PENALTIES.names())
    penalty_weight: float = option(1.0, "its weight", least=0)
    penalty_interval: int = option(1, "steps between penalties", least=1)
    augment: str = option("none", "augments D's inputs", "none", *gb.augment.AUGMENTATIONS.names())
    pool_size: int = option(0, "size of the pool of generated images", least=0)
    ema: float | None = option(0.99, "decay of the generator's running average", least=0)
    schedule: str = option("cosine", "learning-rate schedule", *gb.training.SCHEDULES.names())
    lr: float = option(2e-3, "learning rate of both optimizers", least=0)
    lr_discriminator: float | None = option(None, "learning rate of the discriminator", least=0)
    out: str = option("runs/facades", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[gb.data.PairedDataset]:
    """Returns the training pairs and the held-out ones."""
    common: dict[str, Any] = {"direction": config.direction, "seed": config.seed}
    size: dict[str, Any] = {"load_size": config.load_size, "crop_size": config.crop_size}
    if config.data == "synthetic":  # every building is new: no mirroring needed
        common["transform"] = gb.data.PairTransform(**size, mirror=False)
        drawn = config.load_size if isinstance(config.load_size, int) else 256
        sizes = {"train": 400, "val": 40}
        return [gb.SyntheticFacades(sizes[s], drawn, split=s, **common) for s in sizes]
    root = gb.data.download_cmp_facades("datasets") if config.data == "cmp" else config.data
    names = ("a", "b", "a_format", "b_format", "held_out", "side_by_side")
    common |= {name: getattr(config, name) for name in names}
    pairs: list[gb.data.PairedDataset] = []
    for split in ("train", held_out_split(root, config.held_out, a=config.a)):
        random = split == "train"
        transform = gb.data.PairTransform(**size, resize=config.resize, random=random)
        pairs.append(gb.PairedImageDataset(root, split=split, transform=transform, **common))
        common |= {"a_format": pairs[0].a_format, "b_format": pairs[0].b_format}
    require_readable(*pairs)
    return pairs


def make_task(config: Config, pairs: gb.data.PairedDataset) -> gb.PairedTranslation:
    """Builds networks, losses and optimizers for the channels of the data."""
    source, target = (pairs[0][side].shape[0] for side in ("source", "target"))
    terms: dict[str, Any] = {"l1": {"type": "l1", "weight": config.lambda_l1}}
    if config.adversarial != "none":
        terms = {"adversarial": config.adversarial, **terms}
    if config.penalty == "none" and (config.penalty_weight, config.penalty_interval) != (1.0, 1):
        raise OptionError("penalty_weight and penalty_interval need a penalty: choose one")
    if config.penalty != "none":
        penalty = {"type": config.penalty, "interval": config.penalty_interval}
        if "scalar" in [p.name for p in gb.PENALTIES.describe(config.penalty).parameters]:
            penalty["scalar"] = "mean"  # makes the weight independent of the map's size
        terms[config.penalty] = {**penalty, "weight": config.penalty_weight}
    size = {"base_channels": config.base_channels, "norm": config.norm}
    up = {} if config.up_padding == "zeros" else {"padding_mode": config.up_padding}
    rates = [config.lr, config.lr if config.lr_discriminator is None else config.lr_discriminator]
    optimizers = [{"type": "adam", "lr": rate, "betas": [0.5, 0.999]} for rate in rates]
    return gb.PairedTranslation(
        {
            "type": config.generator,
            "in_channels": source,
            "out_channels": target,
            "num_downs": config.num_downs,
            "up": {"type": config.up, **up},
            "dropout_mode": "always",  # the noise of pix2pix, at test time too
            **size,
        },
        {"type": "patch", "in_channels": source + target, "n_layers": config.n_layers, **size},
        {"terms": terms, "discriminator_weight": 0.5},  # D at half speed, as in the paper
        augment=None if config.augment == "none" else config.augment,
        pool_size=config.pool_size,
        optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
        seed=config.seed,
    )


def main() -> None:
    """Reads the flags, joins any other processes, trains, and prints the results."""
    config = read_flags(Config, PRESETS, prog="pix2pix_facades.py", description=__doc__)
    run = gb.RunFolder(config.out)
    if not config.resume:
        run.require_unused()  # before any download
    with gb.distributed.process_group(gb.training.resolve_device(config.device)) as context:
        with context.main_process_first():  # one process downloads, the others wait
            train, val = make_data(config)
        torch.manual_seed(config.seed)
        task = make_task(config, train)
        if context.is_main_process:
            print(describe_pairs(train, val))
        gb.fit(task, train, val, run, config)
        if context.is_main_process:
            scores, baseline = run.spec["scores"], run.spec["baselines"]
            print(f"held-out L1 {float(scores['l1']):.4f}; mean target {baseline['l1']:.4f}")
            print(f"look at {run.path / 'index.html'}; use it with ganblocks.load({config.out!r})")


if __name__ == "__main__":
    run_command(main)
