"""The multi-scale discriminators of pix2pixHD and SPADE: PatchGANs with a padding of 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from ganblocks.registry import Spec
from ganblocks.weights.layout import (
    DEPTHS,
    KERNEL,
    Format,
    Layout,
    Weights,
    doubling_channels,
    named_layer,
)
from ganblocks.weights.shape_inference import doubling_dimensions, numbers, size, sizes

Place = tuple[str, str]  # paths of a convolution and its norm
Places = Callable[[int, int, int], Place]
"""Returns the place of a layer: `(scale, layer, n_layers) -> place`; layer n_layers + 1 is last."""


def _features(scale: int, layer: int, _n_layers: int) -> Place:
    return f"scale{scale}_layer{layer}.0", f"scale{scale}_layer{layer}.1"


def _plain(scale: int, layer: int, _n_layers: int) -> Place:
    index = 3 * layer - 1 if layer else 0
    return f"layer{scale}.{index}", f"layer{scale}.{index + 1}"


def _spade(scale: int, layer: int, n_layers: int) -> Place:
    path = f"discriminator_{scale}.model{layer}.0"
    return (f"{path}.0", f"{path}.1") if 0 < layer <= n_layers else (path, "")


def _layout(places: Places, norm: str, spec: Spec) -> Layout:
    """Lists the tensors of each scale; pix2pixHD numbers them from the smallest image."""
    n, count = spec["n_layers"], spec["num_scales"]
    widths = [spec["in_channels"], *doubling_channels(spec, n + 1), 1]
    inner: dict[str, Any] = {
        "norm": norm,
        "bias": spec["bias"] is True,
        "spectral": spec["spectral_norm"] == "inner",
    }
    entries: Layout = []
    for scale in range(count):
        own = scale if places is _spade else count - 1 - scale
        for layer, pair in enumerate(pairwise(widths)):
            options = inner if 0 < layer <= n else {"bias": True}
            ours = f"scales.{own}." + (f"blocks.{layer}" if layer <= n else "logits")
            entries += named_layer(*places(scale, layer, n), ours, pair, KERNEL, **options)
    return entries


def _guesses(places: Places, index: str, layers: str, weights: Weights) -> Iterator[Spec]:
    """Yields every width that any key supports; `index` and `layers` match the two numbers."""
    last = max(numbers(weights, layers), default=0)
    n = min(max((last - 2) // 3 if places is _plain else last - 1, 1), DEPTHS[-1])
    count = min(max(numbers(weights, index), default=0) + 1, len(weights))
    spectral = any(key.endswith(".weight_orig") for key in weights)

    def kernels(layer: int) -> list[str]:
        name = "weight_orig" if spectral and 0 < layer <= n else "weight"
        return [f"{places(scale, layer, n)[0]}.{name}" for scale in range(count)]

    return doubling_dimensions(
        weights,
        ("n_layers", [n]),
        sizes(weights, *((key, 0) for key in kernels(0)), *((key, 1) for key in kernels(1))),
        lambda _n: [key for layer in range(1, n + 1) for key in kernels(layer)],
        in_channels=size(weights, *((key, 1) for key in kernels(0))),
        num_scales=count,
        spectral_norm="inner" if spectral else False,
    )


def _nested(spec: Spec) -> Spec:
    outer = ("in_channels", "num_scales")
    patch = {name: value for name, value in spec.items() if name not in outer}
    return {**{name: spec[name] for name in outer}, "discriminator": {"type": "patch", **patch}}


def _format(
    name: str,
    places: Places,
    pattern: tuple[str, str, str],
    spectral: tuple[object, ...],
    bias: Any,
) -> Format:
    """Returns a format; the parts of the pattern match the scale, the layer and the rest."""
    scale, layer, rest = pattern
    index = scale.replace("#", r"(\d+)") + layer.replace("#", r"\d+")
    layers = scale.replace("#", r"\d+") + layer.replace("#", r"(\d+)")
    return Format(
        name=f"a multi-scale PatchGAN of {name}",
        source=name,
        reader="MultiScaleDiscriminator.from_reference",
        pattern=(scale + layer).replace("#", r"\d+") + rest,
        component="multiscale",
        layout=lambda norm, spec: _layout(places, norm, spec),
        guesses=lambda weights: _guesses(places, index, layers, weights),
        arguments=lambda _norm: {"bias": bias, "padding": 2},
        nested=_nested,
        norms=("instance", "batch"),
        writable=places is not _plain,
        free=("in_channels", "num_scales", "base_channels", "max_multiplier"),
        choices={"n_layers": DEPTHS, "padding": (2,), "spectral_norm": spectral},
    )


_TENSOR = r"(weight|bias|running_|num_batches)"
PIX2PIXHD = _format("pix2pixHD", _features, ("scale#", r"_layer#\.", r"\d\."), (False,), True)
PIX2PIXHD_PLAIN = _format("pix2pixHD", _plain, ("layer#", r"\.#\.", _TENSOR), (False,), True)
SPADE = _format(
    "SPADE", _spade, ("discriminator_#", r"\.model#\.", r"0\."), ("inner", False), "auto"
)
