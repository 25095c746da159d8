"""The discriminators of the PyTorch port: PatchGAN and PixelGAN, one Sequential each."""

from __future__ import annotations

from itertools import product

from ganblocks.reference_weights.evidence import MAX_DEPTH, multipliers, numbers, sizes
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


def patch_knobs_of(norm: str) -> Spec:
    """Gives the knobs that follow from the norm.

    Without any norm the port has a bias on the first and the last convolution only. We have no
    knob for that: ours has them all, and they are 0 where the port has none.
    """
    return {**PORT_NORMS[norm], "bias": True if norm == "instance" else "auto"}


def patch_layout_of(
    *,
    in_channels: int,
    base_channels: int,
    n_layers: int,
    norm: str,
    max_multiplier: int = 8,
    kernel_size: int = 4,
) -> Layout:
    """Lists the tensors in the port's order."""
    channels = doubled(base_channels, n_layers + 1, max_multiplier)
    first = Conv(in_channels, channels[0], kernel_size)
    made = first.entries("model.0", "blocks.0.conv", bias=True)
    for i in range(1, n_layers + 1):
        made += Conv(channels[i - 1], channels[i], kernel_size).entries(
            f"model.{3 * i - 1}", f"blocks.{i}.conv", bias=norm == "instance", zero=norm == "none"
        )
        made += norm_entries(norm, f"model.{3 * i}", f"blocks.{i}.norm", channels[i])
    last = Conv(channels[-1], 1, kernel_size)
    return made + last.entries(f"model.{3 * n_layers + 2}", "logits.conv", bias=True)


def patch_candidates(weights: Weights) -> Candidates:
    """Tries every depth, width and norm that any key speaks for."""
    last = max(numbers(weights, r"model\.(\d+)\."), default=0)
    depth = min(max((last - 2) // 3, 1), MAX_DEPTH)
    [in_channels, *_] = sizes(weights, ("model.0.weight", 1))
    [kernel_size, *_] = sizes(weights, *((key, 3) for key in weights))
    bases = sizes(weights, ("model.0.weight", 0), ("model.0.bias", 0), ("model.2.weight", 1))
    # One layer more is for a file whose last convolution is cut off.
    for n_layers, base in product((depth + 1, depth), bases):
        convs = [f"model.{3 * i - 1}.weight" for i in range(1, n_layers + 1)]
        for max_multiplier, norm in product(multipliers(weights, convs, base), PORT_NORMS):
            dimensions = {
                "in_channels": in_channels,
                "base_channels": base,
                "n_layers": n_layers,
                "max_multiplier": max_multiplier,
                "kernel_size": kernel_size,
            }
            layout = patch_layout_of(norm=norm, **dimensions)
            yield {**dimensions, **patch_knobs_of(norm)}, layout


def pixel_knobs_of(norm: str) -> Spec:
    """Gives the knobs that follow from the norm, with zeros as in the PatchGAN."""
    return {**patch_knobs_of(norm), "last_bias": norm == "instance"}


def pixel_layout_of(*, in_channels: int, base_channels: int, norm: str) -> Layout:
    """Lists the tensors in the port's order."""
    wide, bias = 2 * base_channels, norm == "instance"
    return [
        *Conv(in_channels, base_channels, 1).entries("net.0", "blocks.0.conv", bias=True),
        *Conv(base_channels, wide, 1).entries(
            "net.2", "blocks.1.conv", bias=bias, zero=norm == "none"
        ),
        *norm_entries(norm, "net.3", "blocks.1.norm", wide),
        *Conv(wide, 1, 1).entries("net.5", "logits.conv", bias=bias),
    ]


def pixel_candidates(weights: Weights) -> Candidates:
    """Tries every width and norm that any key speaks for."""
    [in_channels, *_] = sizes(weights, ("net.0.weight", 1))
    bases = sizes(weights, ("net.0.weight", 0), ("net.0.bias", 0), ("net.2.weight", 1))
    for base, norm in product(bases, PORT_NORMS):
        dimensions = {"in_channels": in_channels, "base_channels": base}
        yield {**dimensions, **pixel_knobs_of(norm)}, pixel_layout_of(norm=norm, **dimensions)
