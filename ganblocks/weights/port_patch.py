"""The discriminators of the PyTorch port: PatchGAN and PixelGAN, one Sequential each.

Only with instance norm do the port's inner convolutions have a bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ganblocks.registry import Spec
from ganblocks.weights.layout import (
    DEPTHS,
    KERNEL,
    NORMS,
    Format,
    Layout,
    Weights,
    doubling_channels,
    layer,
)
from ganblocks.weights.port_resnet import RESNET
from ganblocks.weights.shape_inference import doubling_dimensions, numbers, size, sizes


def _patch_layout(norm: str, spec: Spec) -> Layout:
    n = spec["n_layers"]
    channels = [spec["in_channels"], *doubling_channels(spec, n + 1)]
    entries = layer("model", 0, "blocks.0", (channels[0], channels[1]), KERNEL, bias=True)
    for i, pair in enumerate(pairwise(channels[1:]), 1):
        entries += layer("model", 3 * i - 1, f"blocks.{i}", pair, KERNEL, **_inner(norm))
    return entries + layer("model", 3 * n + 2, "logits", (channels[-1], 1), KERNEL, bias=True)


def _inner(norm: str) -> dict[str, Any]:
    return {"norm": norm, "bias": norm == "instance"}


def _patch_guesses(weights: Weights) -> Iterator[Spec]:
    end = max(numbers(weights, r"model\.(\d+)\."), default=0)
    depth = max((end - 2) // 3, 1)
    # One more, in case the last convolution is missing.
    depths = [n for n in (depth + 1, depth) if n in DEPTHS] or [DEPTHS[-1]]
    first = "model.0.weight"
    return doubling_dimensions(
        weights,
        ("n_layers", depths),
        sizes(weights, (first, 0), ("model.0.bias", 0), ("model.2.weight", 1)),
        lambda depth: [f"model.{3 * i - 1}.weight" for i in range(1, depth + 1)],
        in_channels=size(weights, (first, 1)),
    )


def _pixel_layout(norm: str, spec: Spec) -> Layout:
    base = spec["base_channels"]
    return [
        *layer("net", 0, "blocks.0", (spec["in_channels"], base), 1, bias=True),
        *layer("net", 2, "blocks.1", (base, 2 * base), 1, **_inner(norm)),
        *layer("net", 5, "logits", (2 * base, 1), 1, bias=norm == "instance"),
    ]


def _pixel_guesses(weights: Weights) -> Iterator[Spec]:
    for base in sizes(weights, ("net.0.weight", 0), ("net.0.bias", 0), ("net.2.weight", 1)):
        yield {"in_channels": size(weights, ("net.0.weight", 1)), "base_channels": base}


_PADDING = {
    "padding": "pix2pixHD's discriminator has the same keys and pads by 2. Write padding=2 for "
    "that one, or padding=1 for pytorch-CycleGAN-and-pix2pix's"
}
_BIAS: Spec = {"batch": "auto", "instance": True, "none": "outer"}

PATCH = Format(
    name="a PatchGAN of the PyTorch port of pix2pix",
    reader="PatchDiscriminator.from_reference",
    pattern=r"model\.\d+\.",
    excluded=RESNET.pattern,  # most keys of a short ResNet look like a PatchGAN's
    component="patch",
    layout=_patch_layout,
    guesses=_patch_guesses,
    arguments=lambda norm: {"bias": _BIAS[norm]},
    doubts=lambda spec: _PADDING if spec["norm"] == NORMS["instance"] else {},
    free=("in_channels", "base_channels", "max_multiplier"),
    choices={"n_layers": DEPTHS, "padding": ("auto", 1)},
)
PIXEL = Format(
    name="a PixelGAN of the PyTorch port of pix2pix",
    reader="PixelDiscriminator.from_reference",
    pattern=r"net\.\d+\.",
    component="pixel",
    layout=_pixel_layout,
    guesses=_pixel_guesses,
    arguments=lambda norm: {"bias": _BIAS[norm], "last_bias": norm == "instance"},
    free=("in_channels", "base_channels"),
)
