"""The U-Net of the PyTorch port: each level lies inside the one before."""

from __future__ import annotations

from itertools import product

from ganblocks.reference_weights.evidence import MAX_DEPTH, multipliers, sizes
from ganblocks.reference_weights.layout import (
    PORT_NORMS,
    Candidates,
    Conv,
    Layout,
    Weights,
    doubled,
    norm_entries,
)
from ganblocks.registry import Spec


def knobs_of(norm: str) -> Spec:
    """Gives the knobs that follow from the norm."""
    return {**PORT_NORMS[norm], "last_bias": True}


def layout_of(
    *,
    in_channels: int,
    out_channels: int,
    base_channels: int,
    num_downs: int,
    norm: str,
    max_multiplier: int = 8,
    kernel_size: int = 4,
) -> Layout:
    """Lists the tensors in the port's order: down to the innermost level, and back."""
    channels = doubled(base_channels, num_downs, max_multiplier)
    innermost = num_downs - 1
    bias = norm == "instance"
    made: Layout = []
    for level, out in enumerate(channels):
        before = channels[level - 1] if level else in_channels
        path, conv = _path(level), Conv(before, out, kernel_size)
        made += conv.entries(f"{path}.{1 if level else 0}", f"down.{level}.conv", bias=bias)
        if 0 < level < innermost:
            made += norm_entries(norm, f"{path}.2", f"down.{level}.norm", out)
    for level in range(innermost, -1, -1):
        ours = f"up.{innermost - level}"
        out = channels[level - 1] if level else out_channels
        path, index = _path(level), 5 if 0 < level < innermost else 3
        width = channels[level] if level == innermost else 2 * channels[level]
        made += Conv(width, out, kernel_size).entries(
            f"{path}.{index}", f"{ours}.conv", bias=bias or level == 0, transposed=True
        )
        if level:
            made += norm_entries(norm, f"{path}.{index + 1}", f"{ours}.norm", out)
    return made


def candidates(weights: Weights) -> Candidates:
    """Tries every depth, width and norm that any key speaks for."""
    first, last = "model.model.0.weight", "model.model.3"
    nested = {key.count("model.") - 1 for key in weights if key.startswith("model.model.")}
    depths = {2, *(depth for depth in nested if 2 < depth <= MAX_DEPTH)}
    bases = sizes(weights, (first, 0), ("model.model.1.model.1.weight", 1))
    [in_channels, *_] = sizes(weights, (first, 1))
    [out_channels, *_] = sizes(weights, (f"{last}.weight", 1), (f"{last}.bias", 0))
    [kernel_size, *_] = sizes(weights, *((key, 3) for key in weights))
    for num_downs, base in product(sorted(depths, reverse=True), bases):
        downs = [f"{_path(level)}.1.weight" for level in range(1, num_downs)]
        for max_multiplier, norm in product(multipliers(weights, downs, base), PORT_NORMS):
            dimensions = {
                "in_channels": in_channels,
                "out_channels": out_channels,
                "base_channels": base,
                "num_downs": num_downs,
                "max_multiplier": max_multiplier,
                "kernel_size": kernel_size,
            }
            yield {**dimensions, **knobs_of(norm)}, layout_of(norm=norm, **dimensions)


def _path(level: int) -> str:
    """Names the Sequential of a level: 0 holds the next at 1, every other at 3."""
    return "model.model" + (".1.model" if level else "") + ".3.model" * (level - 1)
