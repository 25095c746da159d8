"""Pooling by windows, by bins and over whole dimensions."""

from __future__ import annotations

import numpy as np

from ganblocks.rf.call import Call
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.convolving import per_axis
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import NO_TAP, Taps, bins, window


@aten(
    *("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices"),
    *("max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
)
def pool(call: Call) -> InputRegion:
    """Slides a window along the last axes; max pooling may read any pixel of it."""
    region, axes = call.region(), _axes(call)
    kernels = per_axis(call["kernel_size"], axes)
    strides = per_axis(call["stride"] or kernels, axes)
    paddings = per_axis(call["padding"], axes)
    dilations = per_axis(call.arguments.get("dilation", 1), axes)
    for dim, geometry in enumerate(zip(kernels, strides, paddings, dilations, strict=True), -axes):
        region = region.gather(dim, window(call.outputs[0].shape[dim], *geometry))
    call.detail = f"k{kernels[0]} s{strides[0]}" + (f" p{paddings[0]}" if paddings[0] else "")
    return region


@aten(
    *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
)
def adaptive_pool(call: Call) -> InputRegion:
    """Divides the last axes into bins, which overlap if they do not divide the map evenly."""
    region = call.region()
    for dim in range(-_axes(call), 0):
        count, length = call.outputs[0].shape[dim], region.shape[dim]
        if count != length:
            call.require_size(region, dim)
            region = region.reduce([dim]) if count == 1 else region.gather(dim, bins(count, length))
    return region


@aten(
    *("mean", "sum", "amax", "amin", "prod", "std", "var", "logsumexp", "linalg_vector_norm"),
    *("norm", "var_mean", "std_mean", "max", "min", "aminmax", "median"),
)
def over_dims(call: Call) -> list[InputRegion]:
    """Reduces whole dimensions to one or two values."""
    region = call.region()
    dims = call.arguments.get("dim")
    dims = [dims] if isinstance(dims, int) else dims or range(len(region.dims))
    call.require_size(region, *dims)
    return [region.reduce(dims, bool(call.arguments.get("keepdim")))] * len(call.outputs)


@aten("_softmax", "_log_softmax", "_safe_softmax", "softmax", "log_softmax")
def softmax(call: Call) -> InputRegion:
    """Lets every element see the whole dimension."""
    region = call.region()
    call.require_size(region, call["dim"])
    return region.reduce([call["dim"]]).expand(region.shape)


@aten("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
def cumulate(call: Call) -> list[InputRegion]:
    """Lets every element see the dimension up to itself."""
    region, dim = call.region(), call["dim"]
    call.require_size(region, dim)
    place = np.arange(region.shape[dim])
    taps = Taps(np.where(place <= place[:, None], place, NO_TAP))
    return [region.gather(dim, taps)] * len(call.outputs)


def _axes(call: Call) -> int:
    return next(n for n in (1, 2, 3) if f"pool{n}d" in call.name)
