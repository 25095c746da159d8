"""Views, slices and concatenations."""

from __future__ import annotations

import torch

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call
from ganblocks.rf.joining import cat, union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import Taps, overlaps, steps, windows


@aten(
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "view_as", "squeeze", "unsqueeze"),
    *("view_copy", "squeeze_copy", "unsqueeze_copy", "flatten", "unflatten"),
)
def reshape(call: Call) -> InputRegion:
    """Reshapes the tensor."""
    return call.region().reshape(call.out.shape)


@aten("permute", "permute_copy")
def permute(call: Call) -> InputRegion:
    """Permutes the dimensions."""
    return call.region().permute(call["dims"])


@aten("transpose", "t", "numpy_T", "mT", "swapaxes")
def transpose(call: Call) -> InputRegion:
    """Swaps two dimensions."""
    region = call.region()
    order = list(range(len(region.dims)))
    a, b = call.arguments.get("dim0", 0), call.arguments.get("dim1", -1)
    order[a], order[b] = order[b], order[a]
    return region.permute(order)


@aten("expand", "expand_as", "expand_copy")
def expand(call: Call) -> InputRegion:
    """Repeats dimensions of length 1."""
    return call.region().expand(call.out.shape).copied_from(call.region())


@aten("repeat")
def repeat(call: Call) -> InputRegion:
    """Tiles copies of the tensor."""
    region, shape = call.region(), call.out.shape
    region = region.expand([1] * (len(shape) - len(region.dims)) + list(region.shape))
    for dim, count in enumerate(shape):
        if count != region.shape[dim]:
            region = cat([region] * (count // region.shape[dim]), dim)
    return region.copied_from(call.region())


@aten("slice", "slice_copy", "narrow")
def slice_(call: Call) -> InputRegion:
    """Takes a strided slice of one dimension."""
    region, dim = call.region(), call["dim"]
    start = slice(call["start"], call["end"]).indices(region.shape[dim])[0]
    return region.gather(dim, steps(call.out.shape[dim], start, call["step"]))


@aten("select", "select_copy")
def select(call: Call) -> InputRegion:
    """Selects one entry of a dimension, and removes the dimension."""
    region, dim = call.region(), call["dim"]
    return _entry(region, dim, call["index"] % region.shape[dim])


@aten("unbind")
def unbind(call: Call) -> list[InputRegion]:
    """Takes each entry of a dimension separately."""
    return [_entry(call.region(), call["dim"], place) for place in range(len(call.out))]


@aten("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk")
def split(call: Call) -> list[InputRegion]:
    """Cuts one dimension into parts."""
    region, dim, start, parts = call.region(), call["dim"], 0, []
    for part in call.out:
        parts.append(region.gather(dim, steps(part.shape[dim], start)))
        start += part.shape[dim]
    return parts


@aten("unfold")
def unfold(call: Call) -> InputRegion:
    """Puts the entries of each window of one dimension into a new last dimension."""
    region = call.region()
    dim, size = call["dimension"] % len(region.dims), call["size"]
    count = call.out.shape[dim]
    flat = region.gather(dim, windows(count, size, call["step"], 0, 1))
    apart = flat.reshape([*region.shape[:dim], count, size, *region.shape[dim + 1 :]])
    order = [d for d in range(len(apart.dims)) if d != dim + 1]
    return apart.permute([*order, dim + 1])


@aten("im2col")
def im2col(call: Call) -> InputRegion:
    """Puts the entries of each window into the channels."""
    region, shape = call.region(), list(call.region().shape[:2])
    for dim, (count, *geometry) in enumerate(_windows_on(call, call.region().shape[2:]), 2):
        region = region.gather(dim, windows(count, *geometry))
        shape += [count, geometry[0]]
    return region.reshape(shape).permute([0, 1, 3, 5, 2, 4]).reshape(call.out.shape)


@aten("col2im")
def col2im(call: Call) -> InputRegion:
    """Places windows on a map and sums them where they overlap."""
    batch, channels, *sides = call.out.shape
    geometries = _windows_on(call, sides)
    counts, kernels = [g[0] for g in geometries], [g[1] for g in geometries]
    apart = call.region().reshape([batch, channels, *kernels, *counts])
    flat = [count * kernel for count, kernel in zip(counts, kernels, strict=True)]
    region = apart.permute([0, 1, 4, 2, 5, 3]).reshape([batch, channels, *flat])
    for dim, (_, *geometry) in enumerate(geometries, 2):
        region = region.gather(dim, overlaps(call.out.shape[dim], *geometry))
    return region


def _windows_on(call: Call, sides: list[int] | tuple[int, ...]) -> list[tuple[int, ...]]:
    """Returns (count, kernel, stride, padding, dilation) along each side of a map."""
    options = (call[name] for name in ("kernel_size", "stride", "padding", "dilation"))
    return [
        (
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1,
            kernel,
            stride,
            padding,
            dilation,
        )
        for side, kernel, stride, padding, dilation in zip(sides, *options, strict=True)
    ]


@aten("index_select", "index")
def index_select(call: Call) -> InputRegion:
    """Takes entries of one dimension by their indices, if these are known."""
    dim: int = call.arguments.get("dim", 0)
    index = call.arguments.get("index")
    if index is None:
        known = [(d, i) for d, i in enumerate(call["indices"]) if i is not None]
        dim, index = known[0] if len(known) == 1 else (0, torch.empty(0, 0))
    if index.is_meta or index.ndim != 1 or index.dtype == torch.bool:
        raise UnknownOperationError(
            f"{call.place}{call.name} cannot be traced if the index depends on the image or has "
            "several dimensions, or if there are several: index one dimension with a list or a "
            "tensor of integers that the network stores, such as a buffer"
        )
    length = call.region().shape[dim]
    region = call.region().gather(dim, Taps((index.numpy() % length)[:, None]))
    return region.copied_from(call.region())


@aten("glu")
def glu(call: Call) -> InputRegion:
    """Multiplies one half of a dimension by a gate from the other."""
    region, dim = call.region(), call["dim"]
    half = call.out.shape[dim]
    halves = [region.gather(dim, steps(half, start)) for start in (0, half)]
    return union(halves, call.out.shape)


@aten("flip")
def flip(call: Call) -> InputRegion:
    """Reverses dimensions."""
    region = call.region()
    for dim in call["dims"]:
        region = _reversed(region, dim)
    return region


@aten("rot90")
def rot90(call: Call) -> InputRegion:
    """Rotates the plane of two dimensions by quarter turns."""
    region, (a, b) = call.region(), call["dims"]
    order = list(range(call.out.ndim))
    order[a], order[b] = order[b], order[a]
    for _ in range(call["k"] % 4):
        region = _reversed(region, b).permute(order)
    return region


@aten("cat", "concat", "concatenate")
def concatenate(call: Call) -> InputRegion:
    """Concatenates tensors along a dimension."""
    return cat([call.region_of(t) for t in call["tensors"] if t.numel()], call["dim"])


@aten("stack")
def stack(call: Call) -> InputRegion:
    """Stacks tensors along a new dimension."""
    dim = call["dim"] % call.out.ndim
    shape = [*call.out.shape[:dim], 1, *call.out.shape[dim + 1 :]]
    return cat([call.region_of(tensor).reshape(shape) for tensor in call["tensors"]], dim)


def _entry(region: InputRegion, dim: int, place: int) -> InputRegion:
    dim %= len(region.dims)
    shape = [*region.shape[:dim], *region.shape[dim + 1 :]]
    return region.gather(dim, steps(1, place)).reshape(shape)


def _reversed(region: InputRegion, dim: int) -> InputRegion:
    length = region.shape[dim]
    return region.gather(dim, steps(length, length - 1, -1))
