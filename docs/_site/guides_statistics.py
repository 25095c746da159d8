"""Translates the same labels with each choice of dropout and statistics."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import one_hot

from _site.draw import RUN
from _site.gallery_picture import webp
from _site.guides_data import small_training
from ganblocks import GENERATORS, SyntheticFacades, generate
from ganblocks.data import CMP_PALETTE, rgb_to_classes
from ganblocks.pictures import grid, to_bytes, to_picture

SIZE = 256
MAPS = 30
"""Label maps over which running statistics are collected: the average forgets older ones."""
SHOWN = (0, 2, 6, 9)  # held-out facades of different styles
MODES = ("sample", "mean", "running")


def statistics_pictures() -> dict[str, bytes]:
    """Returns a row of labels, and their translation in each mode."""
    held_out = SyntheticFacades(max(SHOWN) + 1, SIZE, split="val")
    labels = [held_out[index]["source"] for index in SHOWN]
    rows = {"labels": labels}
    with small_training():
        generator = batch_norm_generator()
        seen = SyntheticFacades(MAPS, SIZE)
        collect(generator, [by_class(seen[index]["source"]) for index in range(MAPS)])
        for mode in MODES:
            rows[mode] = [generate(generator, by_class(x), mode=mode)[0] for x in labels]
    pictures = {name: to_picture(grid([row], gap=0)) for name, row in rows.items()}
    return {f"statistics-{name}.webp": webp(picture) for name, picture in pictures.items()}


def batch_norm_generator() -> nn.Module:
    """Returns the generator of the Draw page with batch norm, which is the same at batch 1."""
    spec = json.loads((RUN / "spec.json").read_text("utf-8"))["networks"]["generator"]
    generator: nn.Module = GENERATORS.build({**spec, "norm": "batch"})
    weights = load_file(RUN / "generator.safetensors")
    generator.load_state_dict(weights, strict=False)  # it has no running statistics yet
    return generator


@torch.no_grad()
def collect(generator: nn.Module, batches: list[Tensor]) -> None:
    """Collects running statistics, as training does at batch 1."""
    generator.train()
    for batch in batches:
        generator(batch)


def by_class(labels: Tensor) -> Tensor:
    """Returns a label map in colors as a batch of one with a channel for each class."""
    classes = one_hot(rgb_to_classes(to_bytes(labels)), len(CMP_PALETTE))
    return classes.permute(2, 0, 1)[None] * 2.0 - 1
