"""The U-Net of the pix2pix tutorial: conv1 … convN, deconv1 … deconvN."""

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
from ganblocks.weights.port_unet import UNET as PORT
from ganblocks.weights.shape_inference import doubling_dimensions, numbers, size, sizes


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors: convolutions without bias, a norm on all but the first and innermost."""
    channels = doubling_channels(spec, spec["num_downs"])
    entries: Layout = []
    for i, pair in enumerate(pairwise([spec["in_channels"], *channels])):
        own_norm = norm if 0 < i < len(channels) - 1 else "none"
        entries += layer(f"conv{i + 1}", 0, f"down.{i}", pair, KERNEL, bias=False, norm=own_norm)
    options: dict[str, Any] = {"bias": False, "norm": norm, "transposed": True}
    for i, (width, out) in enumerate(pairwise([*channels[::-1], spec["out_channels"]])):
        pair = (2 * width if i else width, out)
        entries += layer(f"deconv{i + 1}", 0, f"up.{i}", pair, KERNEL, **options)
    return entries


def _guesses(weights: Weights) -> Iterator[Spec]:
    found = sorted({*numbers(weights, r"(?:de)?conv(\d+)\.")}, reverse=True)
    depths = [number for number in found if number in DEPTHS[1:]] or [2]
    first, last = "conv1.0.weight", f"deconv{depths[0]}"
    norm = [(f"{last}.1.{name}", 0) for name in ("weight", "bias", "running_mean")]
    return doubling_dimensions(
        weights,
        ("num_downs", depths),
        sizes(weights, (first, 0), ("conv2.0.weight", 1)),
        lambda depth: [f"conv{i}.0.weight" for i in range(2, depth + 1)],
        in_channels=size(weights, (first, 1)),
        out_channels=size(weights, *norm, (f"{last}.0.weight", 1)),
    )


UNET = Format(
    name="a U-Net of the pix2pix tutorial",
    source="the pix2pix tutorial",
    reader="UNetGenerator.from_reference",
    pattern=r"(de)?conv\d+\.\d+\.",
    component="unet",
    layout=_layout,
    guesses=_guesses,
    arguments=lambda _norm: {"dialect": "tutorial", "dropout_mode": "always"},
    norms=("batch",),
    free=PORT.free,
    choices={
        "num_downs": DEPTHS[1:],
        "decoder_activation": ("before_join",),
        "concat_order": ("decoder_first",),
        "last_norm": ("batch",),
    },
)
