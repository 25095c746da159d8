"""Views, slices and concatenations."""

from __future__ import annotations

import torch

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call
from ganblocks.rf.joining import cat, union
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules.table import aten
from ganblocks.rf.taps import Taps, overlaps, steps, windows


@aten(
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "view_as", "squeeze", "unsqueeze"),
    *("view_copy", "squeeze_copy", "unsqueeze_copy", "flatten", "unflatten"),
)
def reshape(call: Call) -> Reach:
    """Reads the elements, in their order, as a tensor of another shape."""
    return call.reach().reshape(call.out.shape)


@aten("permute", "permute_copy")
def permute(call: Call) -> Reach:
    """Puts the dimensions in another order."""
    return call.reach().permute(call["dims"])


@aten("transpose", "t", "numpy_T", "mT", "swapaxes")
def transpose(call: Call) -> Reach:
    """Exchanges two dimensions."""
    reach = call.reach()
    order = list(range(len(reach.dims)))
    a, b = call.arguments.get("dim0", 0), call.arguments.get("dim1", -1)
    if len(order) > 1:
        order[a], order[b] = order[b], order[a]
    return reach.permute(order)


@aten("expand", "expand_as", "expand_copy")
def expand(call: Call) -> Reach:
    """Repeats dimensions of length 1."""
    return call.reach().expand(call.out.shape)


@aten("repeat")
def repeat(call: Call) -> Reach:
    """Lays copies side by side."""
    reach = call.reach()
    shape = call.out.shape
    reach = reach.expand([1] * (len(shape) - len(reach.dims)) + list(reach.shape))
    for dim, count in enumerate(shape):
        if count != reach.shape[dim]:
            reach = cat([reach] * (count // reach.shape[dim]), dim)
    return reach


@aten("slice", "slice_copy", "narrow")
def slice_(call: Call) -> Reach:
    """Takes every so many-th entry of a part of one dimension."""
    dim = call["dim"]
    length = call.reach().shape[dim]
    start = slice(call["start"], call["end"]).indices(length)[0]
    return call.reach().gather(dim, steps(call.out.shape[dim], start, call["step"]))


@aten("select", "select_copy")
def select(call: Call) -> Reach:
    """Takes one entry of a dimension, which is left out then."""
    dim, reach = call["dim"], call.reach()
    return _one(reach, dim, call["index"] % reach.shape[dim])


@aten("unbind")
def unbind(call: Call) -> list[Reach]:
    """Takes each entry of a dimension by itself."""
    return [_one(call.reach(), call["dim"], place) for place in range(len(call.out))]


@aten("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk")
def split(call: Call) -> list[Reach]:
    """Cuts one dimension into parts."""
    reach, dim, start = call.reach(), call["dim"], 0
    parts = []
    for part in call.out:
        parts.append(reach.gather(dim, steps(part.shape[dim], start)))
        start += part.shape[dim]
    return parts


@aten("unfold")
def unfold(call: Call) -> Reach:
    """Puts the entries of each window of one dimension into a new last one."""
    reach, dim = call.reach(), call["dimension"] % len(call.reach().dims)
    size, step = call["size"], call["step"]
    count = call.out.shape[dim]

    flat = reach.gather(dim, windows(count, size, step, 0, 1))
    shape = list(reach.shape)
    apart = flat.reshape([*shape[:dim], count, size, *shape[dim + 1 :]])
    order = [d for d in range(len(shape) + 1) if d != dim + 1]
    return apart.permute([*order, dim + 1])


@aten("im2col")
def im2col(call: Call) -> Reach:
    """Puts the entries of each window into the channels."""
    reach = call.reach()
    batch, channels = reach.shape[:2]
    apart = [batch, channels]
    for axis, kernel in enumerate(call["kernel_size"]):
        stride, padding, dilation = (call[n][axis] for n in ("stride", "padding", "dilation"))
        covered = reach.shape[2 + axis] + 2 * padding - dilation * (kernel - 1) - 1
        count = covered // stride + 1
        reach = reach.gather(2 + axis, windows(count, kernel, stride, padding, dilation))
        apart += [count, kernel]
    return reach.reshape(apart).permute([0, 1, 3, 5, 2, 4]).reshape(call.out.shape)


@aten("col2im")
def col2im(call: Call) -> Reach:
    """Lays windows on a map and adds up where they overlap."""
    reach, kernels = call.reach(), call["kernel_size"]
    batch, channels = call.out.shape[:2]
    geometry, counts = [], []
    for axis, kernel in enumerate(kernels):
        stride, padding, dilation = (call[n][axis] for n in ("stride", "padding", "dilation"))
        covered = call["output_size"][axis] + 2 * padding - dilation * (kernel - 1) - 1
        counts.append(covered // stride + 1)
        geometry.append((kernel, stride, padding, dilation, counts[-1]))
    apart = reach.reshape([batch, channels, *kernels, *counts]).permute([0, 1, 4, 2, 5, 3])
    sides = [n * kernel for n, kernel in zip(counts, kernels, strict=True)]
    laid = apart.reshape([batch, channels, *sides])
    for axis, numbers in enumerate(geometry):
        laid = laid.gather(2 + axis, overlaps(call["output_size"][axis], *numbers))
    return laid


@aten("index_select", "index")
def index_select(call: Call) -> Reach:
    """Takes entries of one dimension by their numbers, if these are known."""
    dim: int = call.arguments.get("dim", 0)
    index = call.arguments.get("index")
    if index is None:
        known = [(d, i) for d, i in enumerate(call["indices"]) if i is not None]
        dim, index = known[0] if len(known) == 1 else (0, torch.empty(0, 0))
    if index.is_meta or index.ndim != 1 or index.dtype == torch.bool:
        raise UnknownOperationError(
            f"{call.walk.place()}{call.name} by an index that depends on the image, or by several "
            "or a mask, or by a list written in forward, is not followed: index one dimension by "
            "a tensor of whole numbers that the network keeps, such as a buffer"
        )
    length = call.reach().shape[dim]
    return call.reach().gather(dim, Taps((index.numpy() % length)[:, None]))


@aten("glu")
def glu(call: Call) -> Reach:
    """Multiplies one half of a dimension by a gate of the other."""
    reach, dim = call.reach(), call["dim"]
    half = call.out.shape[dim]
    halves = [reach.gather(dim, steps(half, start)) for start in (0, half)]
    return union(halves, call.out.shape)


@aten("flip")
def flip(call: Call) -> Reach:
    """Turns dimensions round."""
    reach = call.reach()
    for dim in call["dims"]:
        length = reach.shape[dim]
        reach = reach.gather(dim, steps(length, length - 1, -1))
    return reach


@aten("rot90")
def rot90(call: Call) -> Reach:
    """Turns the plane of two dimensions by quarters."""
    reach, (a, b) = call.reach(), (d % call.out.ndim for d in call["dims"])
    order = list(range(call.out.ndim))
    order[a], order[b] = b, a
    for _ in range(call["k"] % 4):
        length = reach.shape[b]
        reach = reach.gather(b, steps(length, length - 1, -1)).permute(order)
    return reach


@aten("cat", "concat", "concatenate")
def concatenate(call: Call) -> Reach:
    """Puts tensors one after the other along a dimension."""
    parts = [t for t in call["tensors"] if t.numel()]
    return cat([call.reach_of(tensor) for tensor in parts], call["dim"])


@aten("stack")
def stack(call: Call) -> Reach:
    """Puts tensors one after the other along a new dimension."""
    dim = call["dim"] % call.out.ndim
    parts = []
    for tensor in call["tensors"]:
        shape = list(tensor.shape)
        parts.append(call.reach_of(tensor).reshape([*shape[:dim], 1, *shape[dim:]]))
    return cat(parts, dim)


def _one(reach: Reach, dim: int, place: int) -> Reach:
    dim %= len(reach.dims)
    shape = list(reach.shape)
    return reach.gather(dim, steps(1, place)).reshape([*shape[:dim], *shape[dim + 1 :]])
