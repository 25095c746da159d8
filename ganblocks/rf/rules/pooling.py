"""Pooling by windows, by bins and over whole dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ganblocks.rf.call import Call
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.convolving import numbers
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import NO_TAP, Taps, bins, window


@aten(
    *("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices"),
    *("max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
)
def pool(call: Call) -> Reach:
    """Slides a window along the last axes; max pooling may read any pixel of it."""
    axes = next(n for n in (1, 2, 3) if f"pool{n}d" in call.name)
    kernels = numbers(call["kernel_size"], axes)
    strides = numbers(call["stride"], axes) if call["stride"] else kernels
    paddings = numbers(call["padding"], axes)
    dilations = numbers(call.arguments.get("dilation", 1), axes)
    reach = call.reach()
    out = _first(call.out)
    for axis in range(axes):
        geometry = kernels[axis], strides[axis], paddings[axis], dilations[axis]
        reach = reach.gather(axis - axes, window(out.shape[axis - axes], *geometry))
    call.detail = f"k{kernels[0]} s{strides[0]}" + (f" p{paddings[0]}" if paddings[0] else "")
    return reach


@aten(
    *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
)
def adaptive_pool(call: Call) -> Reach:
    """Splits the last axes into bins, which overlap where they do not divide the map."""
    axes = next(n for n in (1, 2, 3) if f"pool{n}d" in call.name)
    reach = call.reach()
    out = _first(call.out)
    for dim in range(-axes, 0):
        count, length = out.shape[dim], reach.shape[dim]
        if count == length:
            continue
        call.needs_size(reach, [dim % len(reach.dims)])
        reach = reach.reduce([dim]) if count == 1 else reach.gather(dim, bins(count, length))
    return reach


@aten(
    *("mean", "sum", "amax", "amin", "prod", "std", "var", "logsumexp"),
    *("linalg_vector_norm", "norm"),
)
def over_dims(call: Call) -> Reach:
    """Reduces whole dimensions to one value."""
    return _reduced(call)


@aten("var_mean", "std_mean", "max", "min", "aminmax", "median")
def over_dims_twice(call: Call) -> list[Reach]:
    """Reduces whole dimensions to two values."""
    return [_reduced(call)] * (len(call.out) if isinstance(call.out, tuple | list) else 1)


@aten("_softmax", "_log_softmax", "_safe_softmax", "softmax", "log_softmax")
def along(call: Call) -> Reach:
    """Lets every element see its whole row of one dimension."""
    reach = call.reach()
    dim = call["dim"] % len(reach.dims)
    call.needs_size(reach, [dim])
    return reach.reduce([dim]).expand(reach.shape)


@aten("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
def up_to(call: Call) -> list[Reach]:
    """Lets every element see its row of one dimension up to itself."""
    reach = call.reach()
    dim = call["dim"] % len(reach.dims)
    call.needs_size(reach, [dim])
    length = reach.shape[dim]
    place = np.arange(length)
    made = reach.gather(dim, Taps(np.where(place <= place[:, None], place, NO_TAP)))
    return [made] * (len(call.out) if isinstance(call.out, tuple | list) else 1)


def _reduced(call: Call) -> Reach:
    reach = call.reach()
    dims = _dims(call.arguments.get("dim"), len(reach.dims))
    call.needs_size(reach, dims)
    return reach.reduce(dims, bool(call.arguments.get("keepdim")))


def _dims(value: Sequence[int] | int | None, count: int) -> list[int]:
    if value is None or value == []:
        return list(range(count))
    return [d % count for d in ([value] if isinstance(value, int) else value)]


def _first(out: object) -> Tensor:
    return out[0] if isinstance(out, tuple | list) else out  # type: ignore[return-value]
