"""The recipes that `benchmarks/facades.py` compares: changes of the paper's."""

from __future__ import annotations

from typing import Any

from ganblocks import PairedTranslation

SIZES: dict[str, dict[str, Any]] = {
    "small": {"load": 143, "crop": 128, "base": 32, "downs": 7, "steps": 2400},
    "full": {"load": 286, "crop": 256, "base": 64, "downs": 8},
}
"""Sizes of images and networks; 2,400 steps of cell `paper` take about 4 minutes on a core."""

PATCH: dict[str, Any] = {"type": "patch", "n_layers": 3}
PAPER: dict[str, Any] = {
    "up": "deconv",
    "norm": "batch",
    "discriminator": PATCH,
    "terms": {"adversarial": "vanilla", "l1": 100.0},
    "augment": None,
    "ema": None,
    "batch_size": 1,
    "labels": "colors",
}

LSGAN = {"adversarial": "lsgan", "l1": 10.0}
NEAREST: dict[str, Any] = {"up": "nearest"}
REPLICATE = {"up": {"type": "nearest", "padding_mode": "replicate"}}
R1_R2 = {"r1_r2": {"type": "r1_r2", "weight": 1.0, "scalar": "mean"}}
MULTISCALE = {"type": "multiscale", "num_scales": 2}
BEST: dict[str, Any] = {
    **REPLICATE,
    "norm": "instance",
    "terms": LSGAN,
    "ema": 0.999,
    "generator": {"base_channels": 32, "num_downs": 6},
    "discriminator": {**PATCH, "base_channels": 32},
}
NARROW = {"generator": {"base_channels": 16, "num_downs": 6}}

CELLS: dict[str, dict[str, Any]] = {
    "paper": {},
    "up=nearest": NEAREST,
    "up=nearest, replicate": REPLICATE,
    "up=bilinear": {"up": "bilinear"},
    "up=pixelshuffle": {"up": "pixelshuffle"},
    "norm=instance": {"norm": "instance"},
    "norm=spectral in D": {"discriminator": {**PATCH, "spectral": True}},
    "loss=lsgan, L1 100": {"terms": {"adversarial": "lsgan", "l1": 100.0}},
    "loss=lsgan, L1 10": {"terms": LSGAN},
    "loss=hinge, L1 10": {"terms": {"adversarial": "hinge", "l1": 10.0}},
    "loss=rpgan + R1 + R2, L1 10": {"terms": {"adversarial": "rpgan", "l1": 10.0, **R1_R2}},
    "feature matching 10": {"terms": {**PAPER["terms"], "feature_matching": 10.0}},
    "patch=34": {"discriminator": {**PATCH, "n_layers": 2}},
    "patch=two scales": {"discriminator": MULTISCALE},
    "augment=diff_augment": {"augment": "diff_augment"},
    "ema=0.99": {"ema": 0.99},
    "ema=0.999": {"ema": 0.999},
    "batch=4": {"batch_size": 4},
    "labels=classes": {"labels": "classes"},
    "nearest + lsgan": {**NEAREST, "terms": LSGAN},
    "nearest + lsgan + instance": {**NEAREST, "terms": LSGAN, "norm": "instance"},
    "best": BEST,
    "best, G of 16": {**BEST, **NARROW},
    "best, G of 16, labels=classes": {**BEST, **NARROW, "labels": "classes"},
    "best, both of 16": {**BEST, **NARROW, "discriminator": {**PATCH, "base_channels": 16}},
}
"""By name, what differs from `PAPER`."""

ADAM = {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}


def recipe(cell: str) -> dict[str, Any]:
    """Returns a cell's settings, with those of `PAPER` that it does not change."""
    return {**PAPER, "generator": {}, **CELLS[cell]}


def build_task(settings: dict[str, Any], size: dict[str, Any], channels: int) -> PairedTranslation:
    """Returns the task of a cell, for labels of so many channels."""
    norm, base = settings["norm"], size["base"]
    patch = {**settings["discriminator"]}
    spectral = patch.pop("spectral", False)
    own = {"base_channels": base, "norm": "none" if spectral else norm, "spectral_norm": spectral}
    if patch["type"] == "multiscale":
        own = {"discriminator": {"type": "patch", **own}}
    patch = {"in_channels": channels + 3, **own, **patch}
    terms = {
        name: {"type": name, "weight": term} if isinstance(term, float) else term
        for name, term in settings["terms"].items()
    }
    return PairedTranslation(
        {
            "type": "unet",
            "in_channels": channels,
            "base_channels": base,
            "num_downs": size["downs"],
            "up": settings["up"],
            "norm": norm,
            "dropout_mode": "always",
            **settings["generator"],
        },
        patch,
        {"terms": terms, "discriminator_weight": 0.5},
        augment=settings["augment"],
        optimizer=ADAM,
        discriminator_optimizer=ADAM,
    )
