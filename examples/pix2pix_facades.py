"""pix2pix (Isola et al., CVPR 2017) on building fronts, assembled from ganblocks' parts.

Without flags, it trains a small model on drawn facades in three minutes on two cores:

    python examples/pix2pix_facades.py

The paper's model on the real ones, or what worked best on them, on your own pairs:

    python examples/pix2pix_facades.py --preset paper --data cmp --out runs/paper
    python examples/pix2pix_facades.py --preset best --data my_pairs --out runs/mine

The same on four GPUs, each with its own batches:

    torchrun --nproc-per-node 4 examples/pix2pix_facades.py --preset paper --data my_pairs

A run writes a folder with weights, log, pictures and a report, index.html.
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
    """The flags: these, and every field of TrainOptions; the defaults are for the small run."""

    preset: str | None = option(None, "sets many flags at once", *PRESETS)
    data: str = option(
        "synthetic", "'synthetic', 'cmp' (downloads), or a folder of pairs", may_change=True
    )
    direction: str = option("b2a", "source to target; facades: a photo, b labels", "a2b", "b2a")
    a: str | None = option(None, "files of side a, such as '*_HE.png'; * is the pair's name")
    b: str | None = option(None, "files of side b, such as '*_IHC.png'")
    a_format: str = option("image", "how to read side a: a format's name, or its spec as JSON")
    b_format: str = option("image", "how to read side b; a label map has classes or flat colors")
    held_out: float = option(0.1, "share of the pairs to hold out if no folder does", least=0)
    side_by_side: bool = option(False, "read the halves of files that are no two squares, too")
    load_size: int | str = option(128, "images are resized to this size: 286, or HEIGHTxWIDTH")
    crop_size: int | str = option(128, "random crops have this size")
    resize: str = option("stretch", "how to resize other aspects", "stretch", "cover", "contain")
    generator: str = option("unet", "dialect of the U-Net; depth and width are flags", *DIALECTS)
    base_channels: int = option(16, "channels of the first layer of both networks", least=1)
    num_downs: int = option(6, "how many times the generator halves the image", least=1)
    up: str = option("nearest", "up-sampler of the generator", *gb.blocks.UPSAMPLERS.names())
    up_padding: str = option("zeros", "its borders", "zeros", "reflect", "replicate")
    n_layers: int = option(2, "stride-2 layers of the PatchGAN; 3 sees 70x70 patches", least=1)
    norm: str = option("batch", "norm of both networks", *gb.blocks.NORMS.names())
    adversarial: str = option("vanilla", "adversarial loss", "none", *gb.ADVERSARIAL_LOSSES.names())
    lambda_l1: float = option(300.0, "weight of the L1 loss", least=0)
    penalty: str = option("none", "penalty on the discriminator", "none", *gb.PENALTIES.names())
    penalty_weight: float = option(1.0, "its weight", least=0)
    penalty_interval: int = option(1, "steps from one penalty to the next", least=1)
    augment: str = option("none", "augments D's inputs", "none", *gb.augment.AUGMENTATIONS.names())
    pool_size: int = option(0, "generated images kept to show D again", least=0)
    ema: float | None = option(0.99, "decay of the generator's running average", least=0)
    schedule: str = option("cosine", "learning rate by the epoch", *gb.training.SCHEDULES.names())
    lr: float = option(2e-3, "learning rate of both Adams", least=0)
    lr_discriminator: float | None = option(None, "learning rate of the discriminator", least=0)
    out: str = option("runs/facades", "folder of the run", may_change=True)
    resume: bool = option(False, "resume from the last checkpoint in --out", may_change=True)


def make_data(config: Config) -> list[gb.data.PairedDataset]:
    """Returns the pairs to learn from and the held-out ones."""
    common: dict[str, Any] = {"direction": config.direction, "seed": config.seed}
    size: dict[str, Any] = {"load_size": config.load_size, "crop_size": config.crop_size}
    if config.data == "synthetic":  # a new building each time: no need to mirror one
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
    """Puts together networks, losses and optimizers for the channels that the data have."""
    source, target = (pairs[0][side].shape[0] for side in ("source", "target"))
    terms: dict[str, Any] = {"l1": {"type": "l1", "weight": config.lambda_l1}}
    if config.adversarial != "none":
        terms = {"adversarial": config.adversarial, **terms}
    if config.penalty == "none" and (config.penalty_weight, config.penalty_interval) != (1.0, 1):
        raise OptionError("penalty_weight and penalty_interval need a penalty: choose one")
    if config.penalty != "none":
        penalty = {"type": config.penalty, "interval": config.penalty_interval}
        if "scalar" in [p.name for p in gb.PENALTIES.describe(config.penalty).parameters]:
            penalty["scalar"] = "mean"  # the weight then holds for a map of any size
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
    """Reads the flags, joins the other processes if there are any, trains, and prints where."""
    config = read_flags(Config, PRESETS, prog="pix2pix_facades.py", description=__doc__)
    run = gb.RunFolder(config.out)
    if not config.resume:
        run.require_unused()  # before any download
    with gb.distributed.process_group(gb.training.resolve_device(config.device)) as context:
        with context.main_process_first():  # one downloads, the others find it there
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
