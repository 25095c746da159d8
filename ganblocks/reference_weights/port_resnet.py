"""The ResNet of the PyTorch port: one Sequential, whose numbers count pads and dropout too."""

from __future__ import annotations

from itertools import product

from ganblocks.reference_weights.evidence import numbers, sizes
from ganblocks.reference_weights.layout import (
    PORT_NORMS,
    Candidates,
    Conv,
    Layout,
    Weights,
    norm_entries,
)
from ganblocks.registry import Spec


def knobs_of(norm: str) -> Spec:
    """Gives the knobs that follow from the norm."""
    return PORT_NORMS[norm]


def layout_of(
    *,
    in_channels: int,
    out_channels: int,
    base_channels: int,
    n_blocks: int,
    num_downs: int,
    padding_mode: str,
    dropout: float,
    norm: str,
) -> Layout:
    """Lists the tensors in the port's order."""
    bias = norm == "instance"
    made: Layout = []

    def layer(theirs: str, index: int, ours: str, conv: Conv, *, transposed: bool = False) -> None:
        made.extend(
            conv.entries(f"{theirs}.{index}", f"{ours}.conv", bias=bias, transposed=transposed)
        )
        made.extend(norm_entries(norm, f"{theirs}.{index + 1}", f"{ours}.norm", conv.out_channels))

    width = base_channels
    layer("model", 1, "stem", Conv(in_channels, width, 7))
    index = 4
    for i in range(num_downs):
        layer("model", index, f"down.{i}", Conv(width, 2 * width, 3))
        index, width = index + 3, 2 * width
    # Zeros are padded by the convolution itself; every other padding is a module before it.
    pads = 0 if padding_mode == "zeros" else 1
    second = pads + 3 + (1 if dropout else 0) + pads
    for i in range(n_blocks):
        for part, place in [("first", pads), ("second", second)]:
            theirs, ours = f"model.{index}.conv_block", f"blocks.{i}.{part}"
            layer(theirs, place, ours, Conv(width, width, 3))
        index += 1
    for i in range(num_downs):
        conv = Conv(width, width // 2, 3)
        layer("model", index, f"up.{i}", conv, transposed=True)
        index, width = index + 3, width // 2
    last = Conv(width, out_channels, 7)
    return made + last.entries(f"model.{index + 1}", "last.conv", bias=True)


def candidates(weights: Weights) -> Candidates:
    """Tries every norm, padding and dropout; the block numbers say how deep the network is."""
    last = max(numbers(weights, r"model\.(\d+)\."), default=0)
    blocks = numbers(weights, r"model\.(\d+)\.conv_block\.")
    start = min(blocks) if blocks else last // 2 + 2  # without blocks, the middle
    n_blocks = min(max(blocks) - start + 1, len(weights)) if blocks else 0
    num_downs = min(max((start - 4) // 3, 0), len(weights))
    [in_channels, *_] = sizes(weights, ("model.1.weight", 1))
    ends = (f"model.{last}.weight", 0), (f"model.{last}.bias", 0)
    [out_channels, *_] = sizes(weights, *ends)
    bases = sizes(
        weights, ("model.1.weight", 0), ("model.4.weight", 1), (f"model.{last}.weight", 1)
    )
    # The port's own padding and no dropout come first: without blocks nothing tells.
    for base, norm, dropout, padding_mode in product(
        bases, PORT_NORMS, (0.0, 0.5), ("reflect", "zeros")
    ):
        knobs: Spec = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "base_channels": base,
            "n_blocks": n_blocks,
            "num_downs": num_downs,
            "padding_mode": padding_mode,
            "dropout": dropout,
        }
        yield {**knobs, **knobs_of(norm)}, layout_of(norm=norm, **knobs)
