"""A way to run a network in which every pixel that may count does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

ACTIVATIONS = {
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus"),
    *("hardtanh", "hardswish", "hardsigmoid", "sigmoid", "tanh", "logsigmoid", "softsign"),
    *("prelu", "rrelu", "rrelu_with_noise", "clamp", "clip", "threshold", "hardshrink"),
    *("softshrink", "tanhshrink", "dropout", "dropout1d", "dropout2d", "dropout3d"),
    *("alpha_dropout", "feature_alpha_dropout", "clamp_min", "clamp_max", "abs", "sign"),
}
NORMS = {
    "batch_norm",
    "instance_norm",
    "group_norm",
    "layer_norm",
    "rms_norm",
    "local_response_norm",
}
EXTREMES = {"amax", "amin"}
CHOSEN = {"max", "min", "median", "nanmedian", "kthvalue", "aminmax"}
PAIRS = {"maximum", "minimum", "max", "min", "fmax", "fmin"}


class Straightened(TorchFunctionMode):
    """Leaves activations out and makes means of maxima, wherever a network calls them."""

    def __init__(self, *, norms: bool) -> None:
        super().__init__()
        self.left_out = ACTIVATIONS | (NORMS if norms else set())

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs a function of torch, or what stands for it."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").rstrip("_")
        if name in self.left_out:
            return args[0] if args else kwargs["input"]
        if name in EXTREMES:
            return torch.mean(*args, **kwargs)
        if name in PAIRS and len(args) > 1 and isinstance(args[1], Tensor):
            return args[0] + args[1]
        if name in CHOSEN:
            return _mean_for(func, *args, **kwargs)
        if name.startswith("max_pool"):
            return _pooled(func, name, *args, **kwargs)
        if name.startswith("adaptive_max_pool"):
            return _adaptive(name, *args, **kwargs)
        return func(*args, **kwargs)


def _mean_for(func: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Returns the mean in the place of a value that is chosen from many."""
    with torch.no_grad(), torch._C.DisableTorchFunction():
        made = func(x, *args, **kwargs)
    if isinstance(made, Tensor):
        return x.mean()
    dim = kwargs.get("dim", args[0] if args else None)
    mean = x.mean() if dim is None else x.mean(dim, kwargs.get("keepdim", made[0].ndim == x.ndim))
    values = [mean if value.is_floating_point() else value for value in made]
    return type(made)(values)


def _pooled(func: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
    """Sums each window of a max pooling: its taps one after the other, none outside the map."""
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
    given = dict(zip(names, args, strict=False)) | kwargs
    x: Tensor = given["input"]
    axes = int(name.removesuffix("_with_indices")[-2])
    kernel = _each(given["kernel_size"], axes)
    stride = _each(given.get("stride") or kernel, axes)
    padding = _each(given.get("padding", 0), axes)
    dilation = _each(given.get("dilation", 1), axes)
    with torch.no_grad(), torch._C.DisableTorchFunction():
        made = func(*args, **kwargs)
    size = (made[0] if isinstance(made, tuple) else made).shape[-axes:]
    for axis in range(axes):
        dim, count = axis - axes, size[axis]
        place = torch.arange(count)[:, None] * stride[axis] - padding[axis]
        place = place + torch.arange(kernel[axis]) * dilation[axis]
        x = _summed(x, dim, place)
    return (x, made[1]) if isinstance(made, tuple) else x


def _summed(x: Tensor, dim: int, place: Tensor) -> Tensor:
    """Sums the entries of a dimension that each row of `place` names and that are there."""
    inside = (place >= 0) & (place < x.shape[dim])
    matrix = torch.zeros(len(place), x.shape[dim], dtype=x.dtype)
    rows = torch.arange(len(place))[:, None].expand_as(place)
    matrix[rows[inside], place[inside]] = 1
    return (x.transpose(dim, -1) @ matrix.T / place.shape[1]).transpose(dim, -1)


def _adaptive(name: str, x: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    axes = int(name.removesuffix("_with_indices")[-2])
    mean = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[axes - 1]
    out = mean(x, output_size)
    indices = torch.zeros_like(out, dtype=torch.int64)
    return (out, indices) if return_indices or name.endswith("indices") else out


def _each(value: int | Sequence[int], axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else [*value] * (axes // len(value))
