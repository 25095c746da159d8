"""The U-Net of the PyTorch port: each level is inside the previous one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ganblocks.registry import Spec
from ganblocks.weights.layout import (
    DEPTHS,
    KERNEL,
    Format,
    Layout,
    Weights,
    doubling_channels,
    layer,
)
from ganblocks.weights.shape_inference import doubling_dimensions, size, sizes


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors down to the innermost level, and back."""
    innermost, bias = spec["num_downs"] - 1, norm == "instance"
    channels = doubling_channels(spec, spec["num_downs"])
    entries: Layout = []
    for level, pair in enumerate(pairwise([spec["in_channels"], *channels])):
        own_norm = norm if 0 < level < innermost else "none"
        index, ours = 1 if level else 0, f"down.{level}"
        entries += layer(_path(level), index, ours, pair, KERNEL, bias=bias, norm=own_norm)
    for level in range(innermost, -1, -1):
        index, ours = 5 if 0 < level < innermost else 3, f"up.{innermost - level}"
        width = channels[level] if level == innermost else 2 * channels[level]
        pair = (width, channels[level - 1] if level else spec["out_channels"])
        options: dict[str, Any] = {"bias": bias, "norm": norm} if level else {"bias": True}
        entries += layer(_path(level), index, ours, pair, KERNEL, transposed=True, **options)
    return entries


def _guesses(weights: Weights) -> Iterator[Spec]:
    first, last = "model.model.0.weight", "model.model.3"
    nested = {key.count("model.") - 1 for key in weights if key.startswith("model.model.")}
    depths = {2, *nested} & {*DEPTHS[1:]}
    return doubling_dimensions(
        weights,
        ("num_downs", sorted(depths, reverse=True)),
        sizes(weights, (first, 0), ("model.model.1.model.1.weight", 1)),
        lambda depth: [f"{_path(level)}.1.weight" for level in range(1, depth)],
        in_channels=size(weights, (first, 1)),
        out_channels=size(weights, (f"{last}.weight", 1), (f"{last}.bias", 0)),
    )


def _path(level: int) -> str:
    """Returns the path of a level; level 0 contains the next at index 1, every other at 3."""
    return "model.model" + (".1.model" if level else "") + ".3.model" * (level - 1)


UNET = Format(
    name="a U-Net of the PyTorch port of pix2pix",
    reader="UNetGenerator.from_reference",
    pattern=r"model\.model\.",
    component="unet",
    layout=_layout,
    guesses=_guesses,
    arguments=lambda norm: {
        "dialect": {"type": "port", "bias": True} if norm == "instance" else "port"
    },
    free=(
        *("in_channels", "out_channels", "base_channels", "max_multiplier"),
        *("dropout", "dropout_levels"),
    ),
    choices={"num_downs": DEPTHS[1:]},
)
