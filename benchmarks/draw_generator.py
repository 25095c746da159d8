"""Trains the generator of the docs' Draw page: label maps of facades to photos.

    python benchmarks/draw_generator.py DATA RUN

DATA holds the CMP facades as train/ and val/, photo and labels side by side. It is the default
recipe at 256², with what its first screen on real facades favors: up-sampling by nearest neighbors,
instance norm, least squares and an L1 weight of 10; kernels of the decoder repeat the border.
"""

from __future__ import annotations

import sys

import torch

import ganblocks as gb
from ganblocks.data import LabelFormat, PairedImageDataset, PairTransform
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.training import TrainOptions

UP = {"type": "nearest", "padding_mode": "replicate"}
TERMS = {"adversarial": "lsgan", "l1": {"type": "l1", "weight": 10.0}}
ADAM = {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}


def main(data: str, out: str, epochs: int = 60) -> None:
    """Trains for about 40 minutes on two cores."""
    labels = LabelFormat(CMP_PALETTE)
    train, val = (
        PairedImageDataset(
            data,
            split=split,
            direction="b2a",
            b_format=labels,
            transform=PairTransform(286, 256, random=split == "train"),
        )
        for split in ("train", "val")
    )
    classes = len(CMP_PALETTE)
    torch.manual_seed(0)
    unet = {"base_channels": 16, "num_downs": 6, "norm": "instance"}
    patch = {"base_channels": 32, "n_layers": 3, "norm": "instance"}
    task = gb.PairedTranslation(
        {"type": "unet", "in_channels": classes, "up": UP, **unet},
        {"type": "patch", "in_channels": classes + 3, **patch},
        {"terms": TERMS, "discriminator_weight": 0.5},
        optimizer=ADAM,
        discriminator_optimizer=ADAM,
    )
    options = TrainOptions(epochs=epochs, schedule="linear", ema=0.999, checkpoint_every=1000)
    gb.fit(task, train, val, gb.RunFolder(out), options)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
