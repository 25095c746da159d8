"""The U-Net of the pix2pix tutorial: conv1 … convN, deconv1 … deconvN."""

from __future__ import annotations

from itertools import product

from ganblocks.reference_weights.evidence import MAX_DEPTH, multipliers, numbers, sizes
from ganblocks.reference_weights.layout import (
    Candidates,
    Conv,
    Layout,
    Weights,
    doubled,
    norm_entries,
)
from ganblocks.registry import Spec

DIALECT: Spec = {
    "norm": "batch",
    "last_norm": "batch",
    "bias": False,
    "last_bias": False,
    "decoder_activation": "before_join",
    "concat_order": "decoder_first",
    "dropout_levels": "paper",
    "dropout_mode": "always",
}


def layout_of(
    *,
    in_channels: int,
    out_channels: int,
    base_channels: int,
    num_downs: int,
    max_multiplier: int,
    kernel_size: int,
) -> Layout:
    """Lists the tensors: convolutions without bias, a norm on all but the first and innermost."""
    channels = doubled(base_channels, num_downs, max_multiplier)
    made: Layout = []
    for i, (width, out) in enumerate(zip([in_channels, *channels], channels, strict=False)):
        theirs, ours = f"conv{i + 1}", f"down.{i}"
        made += Conv(width, out, kernel_size).entries(f"{theirs}.0", f"{ours}.conv", bias=False)
        if 0 < i < num_downs - 1:
            made += norm_entries("batch", f"{theirs}.1", f"{ours}.norm", out)
    width = channels[-1]
    for i, out in enumerate([*channels[-2::-1], out_channels]):
        theirs, ours = f"deconv{i + 1}", f"up.{i}"
        made += Conv(width, out, kernel_size).entries(
            f"{theirs}.0", f"{ours}.conv", bias=False, transposed=True
        )
        made += norm_entries("batch", f"{theirs}.1", f"{ours}.norm", out)
        width = 2 * out
    return made


def candidates(weights: Weights) -> Candidates:
    """Tries every depth and width that any key speaks for."""
    found = sorted({*numbers(weights, r"(?:de)?conv(\d+)\.")}, reverse=True)
    depths = [number for number in found if 2 <= number <= MAX_DEPTH]
    first, places = "conv1.0.weight", [(key, 3) for key in weights]
    [in_channels, *_], [kernel_size, *_] = sizes(weights, (first, 1)), sizes(weights, *places)
    for num_downs, base in product(
        depths or [2], sizes(weights, (first, 0), ("conv2.0.weight", 1))
    ):
        last = f"deconv{num_downs}"
        norm = [(f"{last}.1.{name}", 0) for name in ("weight", "bias", "running_mean")]
        [out_channels, *_] = sizes(weights, *norm, (f"{last}.0.weight", 1))
        downs = [f"conv{i}.0.weight" for i in range(2, num_downs + 1)]
        for max_multiplier in multipliers(weights, downs, base):
            dimensions = {
                "in_channels": in_channels,
                "out_channels": out_channels,
                "base_channels": base,
                "num_downs": num_downs,
                "max_multiplier": max_multiplier,
                "kernel_size": kernel_size,
            }
            yield {**dimensions, **DIALECT}, layout_of(**dimensions)
