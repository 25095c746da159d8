"""The U-Net of the PyTorch port: each level lies inside the one before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ganblocks.registry import Spec
from ganblocks.weights.layout import Format, Layout, Weights, conv, doubled, normed
from ganblocks.weights.shape_inference import MAX_DEPTH, size, sizes, widening


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors: down to the innermost level, and back."""
    kernel, innermost, bias = spec["kernel_size"], spec["num_downs"] - 1, norm == "instance"
    channels = doubled(spec, spec["num_downs"])
    made: Layout = []
    for level, ends in enumerate(pairwise([spec["in_channels"], *channels])):
        path, ours = _path(level), f"down.{level}"
        made += conv(f"{path}.{1 if level else 0}", f"{ours}.conv", ends, kernel, bias=bias)
        if 0 < level < innermost:
            made += normed(norm, f"{path}.2", f"{ours}.norm", ends[1])
    for level in range(innermost, -1, -1):
        path, index = _path(level), 5 if 0 < level < innermost else 3
        theirs, ours = f"{path}.{index}", f"up.{innermost - level}"
        width = channels[level] if level == innermost else 2 * channels[level]
        ends = (width, channels[level - 1] if level else spec["out_channels"])
        made += conv(theirs, f"{ours}.conv", ends, kernel, bias=bias or level == 0, transposed=True)
        if level:
            made += normed(norm, f"{path}.{index + 1}", f"{ours}.norm", ends[1])
    return made


def _guesses(weights: Weights) -> Iterator[Spec]:
    """Tries every depth and width that any key speaks for."""
    first, last = "model.model.0.weight", "model.model.3"
    nested = {key.count("model.") - 1 for key in weights if key.startswith("model.model.")}
    depths = {2, *(depth for depth in nested if 2 < depth <= MAX_DEPTH)}
    return widening(
        weights,
        ("num_downs", sorted(depths, reverse=True)),
        sizes(weights, (first, 0), ("model.model.1.model.1.weight", 1)),
        lambda depth: [f"{_path(level)}.1.weight" for level in range(1, depth)],
        in_channels=size(weights, (first, 1)),
        out_channels=size(weights, (f"{last}.weight", 1), (f"{last}.bias", 0)),
    )


def _path(level: int) -> str:
    """Names the Sequential of a level: 0 holds the next at 1, every other at 3."""
    return "model.model" + (".1.model" if level else "") + ".3.model" * (level - 1)


UNET = Format(
    what="a U-Net of the PyTorch port of pix2pix",
    reader="UNetGenerator.from_reference",
    pattern=r"model\.model\.",
    component="unet",
    layout=_layout,
    guesses=_guesses,
    biases=lambda norm: {"bias": norm == "instance", "last_bias": True},
    dimensions=("in_channels", "out_channels", "base_channels", "num_downs"),
    silent=(
        *("dropout", "dropout_levels", "dropout_mode"),
        *("checkpointing", "size_policy", "init"),
    ),
    least={"num_downs": 5},  # the port builds 5 levels where it is told fewer
)
