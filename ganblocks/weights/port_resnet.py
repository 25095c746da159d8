"""The ResNet of the PyTorch port: one Sequential, whose indices count padding and dropout too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from ganblocks.registry import Spec
from ganblocks.weights.layout import Format, Layout, Weights, layer
from ganblocks.weights.shape_inference import numbers, size, sizes


def _layout(norm: str, spec: Spec) -> Layout:
    """Lists the tensors of the stem, down, the blocks, up, and the last convolution."""
    same: dict[str, Any] = {"norm": norm, "bias": norm == "instance"}
    width = spec["base_channels"]
    entries = layer("model", 1, "stem", (spec["in_channels"], width), 7, **same)
    index = 4
    for i in range(spec["num_downs"]):
        entries += layer("model", index, f"down.{i}", (width, 2 * width), 3, **same)
        index, width = index + 3, 2 * width
    # Zero padding is part of the convolution; any other padding is a module before it.
    pads = 0 if spec["padding_mode"] == "zeros" else 1
    second = pads + 3 + (1 if spec["dropout"] else 0) + pads
    for i in range(spec["n_blocks"]):
        for name, place in [("first", pads), ("second", second)]:
            path, ours = f"model.{index}.conv_block", f"blocks.{i}.{name}"
            entries += layer(path, place, ours, (width, width), 3, **same)
        index += 1
    for i in range(spec["num_downs"]):
        pair = (width, width // 2)
        entries += layer("model", index, f"up.{i}", pair, 3, transposed=True, **same)
        index, width = index + 3, width // 2
    return entries + layer("model", index + 1, "last", (width, spec["out_channels"]), 7, bias=True)


def _guesses(weights: Weights) -> Iterator[Spec]:
    """Yields every width, padding and dropout; the block numbers determine the depth."""
    end = max(numbers(weights, r"model\.(\d+)\."), default=0)
    blocks = numbers(weights, r"model\.(\d+)\.conv_block\.")
    start = min(blocks) if blocks else end // 2 + 2  # the middle, if there are no blocks
    first, last = "model.1.weight", f"model.{end}"
    bases = sizes(weights, (first, 0), ("model.4.weight", 1), (f"{last}.weight", 1))
    # Start with the port's default padding and no dropout, which keys without blocks do not show.
    for base, dropout, padding_mode in product(bases, (0.0, 0.5), ("reflect", "zeros")):
        yield {
            "in_channels": size(weights, (first, 1)),
            "out_channels": size(weights, (f"{last}.weight", 0), (f"{last}.bias", 0)),
            "base_channels": base,
            "n_blocks": min(max(blocks) - start + 1, len(weights)) if blocks else 0,
            "num_downs": min(max((start - 4) // 3, 0), len(weights)),
            "padding_mode": padding_mode,
            "dropout": dropout,
        }


RESNET = Format(
    name="a ResNet of the PyTorch port of pix2pix",
    reader="ResNetGenerator.from_reference",
    pattern=r"model\.(1\.|\d+\.conv_block\.)",
    component="resnet",
    layout=_layout,
    guesses=_guesses,
    arguments=lambda norm: {"bias": norm == "instance"},
    free=("in_channels", "out_channels", "base_channels", "n_blocks", "num_downs", "dropout"),
    choices={"padding_mode": ("reflect", "replicate", "zeros")},
)
