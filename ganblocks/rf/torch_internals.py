"""The private torch names that the calculator uses, and how it runs single operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

OPERATION_TYPES = (OpOverloadPacket, OpOverload)

ACTIVATIONS = {
    *("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus"),
    *("sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "hardshrink"),
    *("softshrink", "relu6", "threshold", "softsign", "tanhshrink", "prelu", "rrelu"),
    "rrelu_with_noise",
}
"""Torch functions that map each value to one of the same dtype, elementwise."""


class DispatchMode(TorchDispatchMode):  # type: ignore[misc]
    """A TorchDispatchMode that does not import torch's compiler, which takes seconds."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


def uncompiled(module: nn.Module) -> nn.Module:
    """Returns the module that torch.compile wrapped, or the module itself."""
    original: nn.Module = getattr(module, "_orig_mod", module)
    return original


class KnownIndices(TorchFunctionMode):  # type: ignore[misc]
    """Keeps the values of lists and masks that index a meta tensor."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Converts one-dimensional ones to integer tensors on the CPU."""
        kwargs = kwargs or {}
        if func is torch.tensor and "meta" in str(kwargs.get("device")):
            made = func(*args, **{**kwargs, "device": "cpu"})
            return made.to("meta") if made.is_floating_point() else made
        if func is Tensor.__getitem__:
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            args = (args[0], tuple(map(_known_index, index)))
        return func(*args, **kwargs)


def _known_index(index: Any) -> Any:
    index = torch.tensor(index) if isinstance(index, list) else index
    is_mask = isinstance(index, Tensor) and index.dtype == torch.bool and index.ndim == 1
    return index.nonzero()[:, 0] if is_mask and not index.is_meta else index


def tensors_in(*values: Any) -> list[Tensor]:
    """Returns the tensors in nested lists, tuples and dictionaries."""
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def named_arguments(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Returns a call's arguments by name, with defaults, without a tensor passed as `out`."""
    arguments = [argument for argument in func._schema.arguments if not argument.is_out]
    named = {a.name: a.default_value if a.has_default_value() else None for a in arguments}
    given = {a.name: value for a, value in zip(arguments, args, strict=False)}
    return named | given | {name: value for name, value in kwargs.items() if name in named}


def is_view(func: Any) -> bool:
    """Returns whether an operation returns views of its arguments."""
    return any(r.alias_info and not r.alias_info.is_write for r in func._schema.returns)


def written_to(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor | None:
    """Returns the tensor that a call, such as `add_` or with `out=`, writes to and returns."""
    schema = func._schema
    if not any(r.alias_info and r.alias_info.is_write for r in schema.returns):
        return None
    named = {a.name: value for a, value in zip(schema.arguments, args, strict=False)} | kwargs
    writes = (a for a in schema.arguments if a.alias_info and a.alias_info.is_write)
    written = named.get(next(writes).name)
    return written if isinstance(written, Tensor) else None


def run_on_meta(func: Any, args: Any, kwargs: Any, tensors: Sequence[Tensor]) -> Any:
    """Runs an operation without data, except for integers, which may be indices.

    Activations and norms with running statistics only need the input's shape: torch would run them
    through its compiler, which takes seconds to import.
    """
    meta = [tensor.is_meta for tensor in tensors]
    if any(meta) and not all(meta):
        args, kwargs = tree_map_only(Tensor, _to_meta, (args, kwargs))
    name = func.overloadpacket.__name__
    if not any(meta) and str(kwargs.get("device")) == "meta":
        real = func(*args, **{**kwargs, "device": "cpu"})
        if not (real.is_floating_point() or real.is_complex()):
            return real
    if any(meta) and name.rstrip("_") in ACTIVATIONS:
        return args[0] if name.endswith("_") else torch.empty_like(args[0])
    if any(meta) and name == "native_batch_norm" and not args[5]:
        return torch.empty_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)
    return func(*args, **kwargs)


def rewrites_strides_only(func: Any, args: Any) -> bool:
    """Returns whether an operation changes only strides of dimensions of length 1.

    Pooling channels_last maps to one pixel is an example.
    """
    if func.overloadpacket is not torch.ops.aten.as_strided_:
        return False
    tensor, size, strides = args[:3]
    pairs = zip(size, strides, tensor.stride(), strict=False)
    return tuple(size) == tuple(tensor.shape) and all(n == 1 or a == b for n, a, b in pairs)


def _to_meta(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")
