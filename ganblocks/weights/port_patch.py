"""The discriminators of the PyTorch port: PatchGAN and PixelGAN, one Sequential each.

Without any norm the port has a bias on the first and the last convolution only. We have no argument
for that: ours has them all, and they are 0 where the port has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganblocks.registry import Spec
from ganblocks.weights.layout import Format, Layout, Weights, conv, doubled, normed
from ganblocks.weights.port_resnet import RESNET
from ganblocks.weights.shape_inference import MAX_DEPTH, numbers, size, sizes, widening


def _inner(
    norm: str, theirs: tuple[str, str], ours: str, ends: tuple[int, int], kernel: int
) -> Layout:
    """Lists a convolution in the middle and its norm."""
    bias, zero = norm == "instance", norm == "none"
    made = conv(theirs[0], f"{ours}.conv", ends, kernel, bias=bias, zero=zero)
    return made + normed(norm, theirs[1], f"{ours}.norm", ends[1])


def _patch_layout(norm: str, spec: Spec) -> Layout:
    n, kernel = spec["n_layers"], spec["kernel_size"]
    widths = doubled(spec, n + 1)
    made = conv("model.0", "blocks.0.conv", (spec["in_channels"], widths[0]), kernel, bias=True)
    for i in range(1, n + 1):
        theirs = (f"model.{3 * i - 1}", f"model.{3 * i}")
        made += _inner(norm, theirs, f"blocks.{i}", (widths[i - 1], widths[i]), kernel)
    return made + conv(f"model.{3 * n + 2}", "logits.conv", (widths[-1], 1), kernel, bias=True)


def _patch_guesses(weights: Weights) -> Iterator[Spec]:
    """Tries every depth and width that any key speaks for."""
    end = max(numbers(weights, r"model\.(\d+)\."), default=0)
    depth = min(max((end - 2) // 3, 1), MAX_DEPTH)
    first = "model.0.weight"
    return widening(
        weights,
        ("n_layers", (depth + 1, depth)),  # one more, where the last convolution is cut off
        sizes(weights, (first, 0), ("model.0.bias", 0), ("model.2.weight", 1)),
        lambda depth: [f"model.{3 * i - 1}.weight" for i in range(1, depth + 1)],
        in_channels=size(weights, (first, 1)),
    )


def _pixel_layout(norm: str, spec: Spec) -> Layout:
    base = spec["base_channels"]
    return [
        *conv("net.0", "blocks.0.conv", (spec["in_channels"], base), 1, bias=True),
        *_inner(norm, ("net.2", "net.3"), "blocks.1", (base, 2 * base), 1),
        *conv("net.5", "logits.conv", (2 * base, 1), 1, bias=norm == "instance"),
    ]


def _pixel_guesses(weights: Weights) -> Iterator[Spec]:
    """Tries every width that any key speaks for."""
    for base in sizes(weights, ("net.0.weight", 0), ("net.0.bias", 0), ("net.2.weight", 1)):
        yield {"in_channels": size(weights, ("net.0.weight", 1)), "base_channels": base}


def _bias(norm: str) -> bool | str:
    return True if norm == "instance" else "auto"


PATCH = Format(
    what="a PatchGAN of the PyTorch port of pix2pix",
    reader="PatchDiscriminator.from_reference",
    pattern=r"model\.\d+\.",
    absent=RESNET.pattern,  # most layers of a short ResNet are named as a PatchGAN's
    component="patch",
    layout=_patch_layout,
    guesses=_patch_guesses,
    biases=lambda norm: {"bias": _bias(norm)},
    dimensions=("in_channels", "base_channels", "n_layers"),
    silent=("checkpointing", "init"),
    choices={"padding": ("auto", 1)},
)
PIXEL = Format(
    what="a PixelGAN of the PyTorch port of pix2pix",
    reader="PixelDiscriminator.from_reference",
    pattern=r"net\.\d+\.",
    component="pixel",
    layout=_pixel_layout,
    guesses=_pixel_guesses,
    biases=lambda norm: {"bias": _bias(norm), "last_bias": norm == "instance"},
    dimensions=("in_channels", "base_channels"),
)
