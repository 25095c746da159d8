"""Runs a network without its nonlinearities, so that gradients reach every pixel it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from operator import ge, le
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ganblocks.rf.torch_internals import ACTIVATIONS

SKIPPED = ACTIVATIONS | {
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"),
    *("clamp", "clip", "clamp_min", "clamp_max", "abs", "sign"),
}
NORMS = {
    *("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"),
    "local_response_norm",
}
SCALING = {"mul", "multiply", "div", "divide", "true_divide", "sub", "subtract", "rsub", "addcmul"}
EXTREMES = {"amax", "amin"}
SELECTIONS = {"max", "min", "median", "nanmedian", "kthvalue", "aminmax"}
PAIRS = {"maximum", "minimum", "max", "min", "fmax", "fmin"}


class LinearizedMode(TorchFunctionMode):
    """Skips activations and replaces maxima by means, wherever a network calls them.

    Args:
        image: The network's input, which requires a gradient.
        statistics: "ignored" also skips norms, and treats gates of the whole map as constants.
    """

    def __init__(self, image: Tensor, statistics: str) -> None:
        super().__init__()
        self.image = image
        self.ignored = statistics == "ignored"
        self.skipped = SKIPPED | (NORMS if self.ignored else set())

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs a torch function or its replacement."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        if name in self.skipped:
            return args[0] if args else kwargs["input"]
        if name in SCALING and self.ignored:
            args = [x.detach() if self._is_gate(x, args) else x for x in args]
        if name in ("softmax", "log_softmax") and args:
            args = (args[0] / _magnitude(args[0]), *args[1:])
        if name == "scaled_dot_product_attention" and len(args) > 1:
            kwargs = {**kwargs, "scale": 1 / _magnitude(*args[:2])}
        if name in EXTREMES:
            return torch.mean(*args, **kwargs)
        if name in PAIRS and len(args) > 1 and isinstance(args[1], Tensor):
            return args[0] + args[1]
        if name in SELECTIONS:
            return _mean(func, *args, **kwargs)
        if name.startswith("max_pool"):
            return _mean_pool(func, name, *args, **kwargs)
        if name.startswith("adaptive_max_pool"):
            return _adaptive_mean_pool(name, *args, **kwargs)
        return func(*args, **kwargs)

    def _is_gate(self, x: Any, factors: Sequence[Any]) -> bool:
        """Returns whether a factor has one value for another's map, and sees all of that map."""
        for y in factors:
            maps = isinstance(x, Tensor) and isinstance(y, Tensor) and y is not x
            if not (maps and x.requires_grad and y.requires_grad and x.numel()):
                continue
            shape = torch.broadcast_shapes(x.shape, y.shape)
            gate, other = x.detach().expand(shape), y.detach().expand(shape)
            dims = [d for d, n in enumerate(shape) if n > 1 and _is_constant(gate, d)]
            varied = [d for d, n in enumerate(shape) if n > 1 and not _is_constant(other, d)]
            needed = max(1, min(self.image.ndim - 2, len(varied) - 1))
            if len(set(dims) & set(varied)) < needed:
                continue
            first, seen = (gradient_hull(t, self.image) for t in (x.flatten()[0], y.sum()))
            if all(map(le, first[0], seen[0])) and all(map(ge, first[1], seen[1])):
                return True
        return False


def gradient_hull(value: Tensor, image: Tensor) -> tuple[list[int], list[int]]:
    """Returns the half-open box of the pixels that a gradient reaches; empty if none."""
    if not value.requires_grad:
        return [], []
    (gradient,) = torch.autograd.grad(value, image, retain_graph=True, allow_unused=True)
    if gradient is None or not gradient.any():
        return [], []
    places = (gradient != 0).flatten(0, 1).any(0).nonzero()
    return places.amin(0).tolist(), (places.amax(0) + 1).tolist()


def _magnitude(*factors: Tensor) -> float:
    """Returns a bound (at least 1) of products of values, to scale softmax out of saturation."""
    return max(1.0, float(prod(x.detach()[x.isfinite()].norm().item() for x in factors)))


def _is_constant(x: Tensor, dim: int) -> bool:
    return torch.allclose(x.amax(dim), x.amin(dim), rtol=1e-12, atol=0)


def _mean(func: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Any:
    with torch.no_grad():
        selected = func(x, *args, **kwargs)
    if isinstance(selected, Tensor):
        return x.mean()
    dim = kwargs.get("dim", args[0] if args else None)
    keepdim = kwargs.get("keepdim", selected[0].ndim == x.ndim)
    mean = x.mean() if dim is None else x.mean(dim, keepdim)
    return type(selected)([mean if value.is_floating_point() else value for value in selected])


def _mean_pool(func: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
    """Takes the mean of each window of a max pooling, with zeros outside the map."""
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
    given = dict(zip(names, args, strict=False)) | kwargs
    x: Tensor = given["input"]
    with torch.no_grad():
        pooled = func(*args, **kwargs)
    axes = int(name.removesuffix("_with_indices")[-2])
    kernel = given["kernel_size"]
    options = (kernel, given.get("stride") or kernel, given.get("padding", 0))
    geometry = [_per_axis(n, axes) for n in (*options, given.get("dilation", 1))]
    shape = (pooled[0] if isinstance(pooled, tuple) else pooled).shape
    for dim, (size, stride, padding, dilation) in enumerate(zip(*geometry, strict=True), -axes):
        length = dilation * (size - 1) + 1
        after = (shape[dim] - 1) * stride + length - padding - x.shape[dim]
        x = F.pad(x, [0, 0] * (-1 - dim) + [padding, after])
        x = x.unfold(dim, length, stride)[..., ::dilation].mean(-1)
    return (x, pooled[1]) if isinstance(pooled, tuple) else x


def _adaptive_mean_pool(
    name: str, x: Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    axes = int(name.removesuffix("_with_indices")[-2])
    pool = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[axes - 1]
    out = pool(x, output_size)
    indices = torch.zeros_like(out, dtype=torch.int64)
    return (out, indices) if return_indices or name.endswith("indices") else out


def _per_axis(value: int | Sequence[int], axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else [*value] * (axes // len(value))
