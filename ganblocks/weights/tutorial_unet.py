"""The U-Net of the pix2pix tutorial: conv1 … convN, deconv1 … deconvN."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ganblocks.registry import Spec
from ganblocks.weights.layout import Format, Layout, Weights, conv, doubled, normed
from ganblocks.weights.shape_inference import MAX_DEPTH, numbers, size, sizes, widening


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors: convolutions without bias, a norm on all but the first and innermost."""
    kernel, channels = spec["kernel_size"], doubled(spec, spec["num_downs"])
    made: Layout = []
    for i, ends in enumerate(pairwise([spec["in_channels"], *channels])):
        theirs, ours = f"conv{i + 1}", f"down.{i}"
        made += conv(f"{theirs}.0", f"{ours}.conv", ends, kernel, bias=False)
        if 0 < i < len(channels) - 1:
            made += normed(norm, f"{theirs}.1", f"{ours}.norm", ends[1])
    for i, ends in enumerate(pairwise([*channels[::-1], spec["out_channels"]])):
        theirs, ours = f"deconv{i + 1}", f"up.{i}"
        joined = (2 * ends[0] if i else ends[0], ends[1])
        made += conv(f"{theirs}.0", f"{ours}.conv", joined, kernel, bias=False, transposed=True)
        made += normed(norm, f"{theirs}.1", f"{ours}.norm", ends[1])
    return made


def _guesses(weights: Weights) -> Iterator[Spec]:
    """Tries every depth and width that any key speaks for."""
    found = sorted({*numbers(weights, r"(?:de)?conv(\d+)\.")}, reverse=True)
    depths = [number for number in found if 2 <= number <= MAX_DEPTH] or [2]
    first, last = "conv1.0.weight", f"deconv{depths[0]}"
    norm = [(f"{last}.1.{name}", 0) for name in ("weight", "bias", "running_mean")]
    return widening(
        weights,
        ("num_downs", depths),
        sizes(weights, (first, 0), ("conv2.0.weight", 1)),
        lambda depth: [f"conv{i}.0.weight" for i in range(2, depth + 1)],
        in_channels=size(weights, (first, 1)),
        out_channels=size(weights, *norm, (f"{last}.0.weight", 1)),
    )


UNET = Format(
    what="a U-Net of the pix2pix tutorial",
    reader="UNetGenerator.from_reference",
    pattern=r"(de)?conv\d+\.\d+\.",
    source="the pix2pix tutorial",
    component="unet",
    layout=_layout,
    guesses=_guesses,
    biases=lambda norm: {"bias": False, "last_bias": False},
    dimensions=(
        *("in_channels", "out_channels", "base_channels"),
        *("num_downs", "max_multiplier", "kernel_size"),
    ),
    norms=("batch",),
    dialect={
        "last_norm": "batch",
        "decoder_activation": "before_join",
        "concat_order": "decoder_first",
        "dropout_levels": "paper",
        "dropout_mode": "always",
    },
    silent=("checkpointing", "size_policy", "init"),
)
