"""The U-Net of the pix2pix tutorial: conv1 … convN, deconv1 … deconvN."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ganblocks.registry import Spec
from ganblocks.weights.layout import Format, Layout, Weights, conv, doubling_channels, norm_entries
from ganblocks.weights.shape_inference import MAX_DEPTH, doubling_dimensions, numbers, size, sizes


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors: convolutions without bias, a norm on all but the first and innermost."""
    kernel, channels = spec["kernel_size"], doubling_channels(spec, spec["num_downs"])
    entries: Layout = []
    for i, pair in enumerate(pairwise([spec["in_channels"], *channels])):
        theirs, ours = f"conv{i + 1}", f"down.{i}"
        entries += conv(f"{theirs}.0", f"{ours}.conv", pair, kernel, bias=False)
        if 0 < i < len(channels) - 1:
            entries += norm_entries(norm, f"{theirs}.1", f"{ours}.norm", pair[1])
    for i, pair in enumerate(pairwise([*channels[::-1], spec["out_channels"]])):
        theirs, ours = f"deconv{i + 1}", f"up.{i}"
        joined = (2 * pair[0] if i else pair[0], pair[1])
        entries += conv(f"{theirs}.0", f"{ours}.conv", joined, kernel, bias=False, transposed=True)
        entries += norm_entries(norm, f"{theirs}.1", f"{ours}.norm", pair[1])
    return entries


def _guesses(weights: Weights) -> Iterator[Spec]:
    """Yields every depth and width that any key supports."""
    found = sorted({*numbers(weights, r"(?:de)?conv(\d+)\.")}, reverse=True)
    depths = [number for number in found if 2 <= number <= MAX_DEPTH] or [2]
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
    reader="UNetGenerator.from_reference",
    pattern=r"(de)?conv\d+\.\d+\.",
    component="unet",
    layout=_layout,
    guesses=_guesses,
    arguments=lambda _norm: {"dialect": "tutorial", "dropout_mode": "always"},
    norms=("batch",),
    writable=False,
)
