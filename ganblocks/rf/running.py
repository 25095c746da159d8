"""Running single operations without data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

ACTIVATIONS = {
    *("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus"),
    *("sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "hardshrink"),
    *("softshrink", "relu6", "threshold"),
}


def run_without_data(func: Any, args: Any, kwargs: Any) -> Any:
    """Runs an operation, so that whole numbers keep their data: they may be indices.

    Of an activation only the shape matters, which is its input's: without data torch runs
    activations through its compiler, whose import takes seconds.
    """
    leaves = tree_leaves((args, kwargs))
    if any(_is_meta(leaf) for leaf in leaves):
        args, kwargs = tree_map_only(Tensor, _without_data, (args, kwargs))
    name = func.overloadpacket.__name__
    if str(kwargs.get("device")) == "meta" and not any(_is_meta(leaf) for leaf in leaves):
        here = func(*args, **{**kwargs, "device": "cpu"})
        if not (here.is_floating_point() or here.is_complex()):
            return here
    if name.rstrip("_") in ACTIVATIONS and isinstance(args[0], Tensor) and args[0].is_meta:
        return args[0] if name.endswith("_") else torch.empty_like(args[0])
    return func(*args, **kwargs)


def changes_nothing(func: Any, args: Any) -> bool:
    """Tells whether an operation only rewrites strides that stand for no step.

    So does pooling of channels_last maps to one pixel.
    """
    if func.overloadpacket is not torch.ops.aten.as_strided_:
        return False
    tensor, size, strides = args[:3]
    steps = zip(size, strides, tensor.stride(), strict=False)
    return tuple(size) == tuple(tensor.shape) and all(n == 1 or a == b for n, a, b in steps)


def _is_meta(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _without_data(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")
