"""Calculates the receptive field of any network by tracing one forward pass."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import GanBlocksError, OptionError, ShapeError, require_one_of
from ganblocks.rf.field import FieldAnalysis, ReceptiveField
from ganblocks.rf.layers import summary, times
from ganblocks.rf.outputs import map_outputs, named_outputs, select_output
from ganblocks.rf.region import InputRegion
from ganblocks.rf.rules import RULES
from ganblocks.rf.torch_internals import KnownIndices, uncompiled
from ganblocks.rf.trace import Trace
from ganblocks.torch_classes import ConvNd

DEFAULT_SIZES = {1: 1024, 2: 256, 3: 64}  # pixels along each axis, by the number of axes

Fields = ReceptiveField | tuple[ReceptiveField, ...] | dict[Any, ReceptiveField]


@checked
def receptive_field(
    module: nn.Module, input_size: Sequence[int] | None = None, *, statistics: str = "ignored"
) -> Fields:
    """Computes which input pixels each output of a network can depend on.

    The network runs once, in eval mode and without data, and every operation is traced:
    convolutions, pooling, interpolation, shuffles, padding, cropping, merging branches, reshapes,
    matrix products, attention. The network itself is not changed.

    Args:
        module: Any network that takes one image (1, C, *spatial), in 1D, 2D or 3D.
        input_size: (C, *spatial), or only the spatial size if the first layer determines the
            channels. None means 256×256 (1024 in 1D, 64³ in 3D), and raises an error if the field
            depends on the size.
        statistics: How to treat statistics of the whole map that scale or shift it, such as an
            instance norm's mean and deviation or a squeeze-excite gate: "ignored" as constants,
            listed in `ignored`; "counted" as depending on the whole map.

    Returns:
        A `ReceptiveField`. If the network returns a list or tuple of maps, a tuple of fields;
        if it returns a dictionary, a dictionary.

    Raises:
        OptionError: `module` is not a module, an option is invalid, or the result depends on a size
            that was not set.
        ShapeError: The image is too small for the network, or has the wrong number of channels.
        UnknownOperationError: The network uses an operation without a rule.

    Examples:
        >>> field = receptive_field(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.MaxPool2d(2)))
        >>> field
        ReceptiveField(size=(5, 5), stride=(4, 4), padding=(1, 1), uniform=True, aligned=True)
        >>> field.box(0, 0), field.support(0, 0)
        ((-1, -1, 4, 4), (0, 0, 4, 4))
    """
    require_one_of("statistics", statistics, ["ignored", "counted"])
    shape = full_input_size(module, input_size)
    network = on_meta(module)
    image = _image(network, shape)
    trace = Trace(RULES, image, input_size is not None, statistics)
    trace.name_modules(network)
    outputs = _run(network, image, trace)
    name = type(module).__name__

    def region_of(output: Any, _: Any) -> InputRegion:
        if not isinstance(output, Tensor):
            raise OptionError(
                f"{name} returns a {type(output).__name__} where a tensor is expected: wrap it in "
                "a module that returns a tensor, or a flat list or dictionary of tensors"
            )
        region = trace.tracker.find(output) or InputRegion.of_nothing(output.shape, len(shape) - 1)
        _require_channels_first(region, name)
        return region

    regions = named_outputs(map_outputs(outputs, region_of))
    if all(region.empty for region in regions.values()):
        raise ShapeError(
            f"the output of {name} does not depend on its input: there is no receptive field"
        )

    def field_of(output: Tensor, key: Any) -> ReceptiveField:
        region = regions[key]
        # A position sees the union of what its channels see.
        region = region.reduce(range(min(2, len(region.dims))), keepdim=False)
        region = region.with_single_factors()

        def measure(size: tuple[int, ...]) -> tuple[int, ...]:
            if len(size) != len(shape) - 1:
                raise OptionError(f"size {size}: write {len(shape) - 1} numbers")
            network = on_meta(module)
            made = _run(network, _image(network, (shape[0], *size)))
            return tuple(select_output(made, key).shape[2:])

        return ReceptiveField(
            *summary(region),
            uniform=all(a.pattern is not None and a.pattern.period == 1 for a in region.box),
            aligned=not trace.misaligned,
            analysis=FieldAnalysis(
                region,
                shape[1:],
                tuple(output.shape[2:]),
                tuple(trace.layers),
                tuple(dict.fromkeys(trace.ignored)),
                tuple(dict.fromkeys(trace.misaligned)),
                measure,
            ),
        )

    fields: Fields = map_outputs(outputs, field_of)
    return fields


def _require_channels_first(region: InputRegion, name: str) -> None:
    """Raises `OptionError` if a map is not channels first."""
    flat, axes = region.with_single_factors(), len(region.box)
    varied = [[d for d in range(len(flat.dims)) if array.varies(d)] for array in flat.box]
    last = len(flat.dims) - 1
    in_order = axes > 1 and varied == [[axis + 1] for axis in range(axes)]
    # For shuffled pixels, rows and columns vary, too.
    constant_last = flat.shape[last] > 1 and not any(last in dims for dims in varied)
    if prod(flat.shape[2:]) > 1 and (in_order or (region.periodic(1) and constant_last)):
        raise OptionError(
            f"{name} returns {times(flat.shape)} with its channels last: wrap it in a module that "
            "returns (B, C, *spatial), such as output.movedim(-1, 1)"
        )


def full_input_size(module: nn.Module, input_size: Sequence[int] | None) -> tuple[int, ...]:
    """Returns the full (C, *spatial), with the channels of the first layer."""
    name = type(module).__name__
    conv = next((layer for layer in module.modules() if isinstance(layer, ConvNd)), None)
    axes = len(conv.kernel_size) if conv else None
    channels = getattr(module, "in_channels", None)
    if not isinstance(channels, int):
        channels = conv.in_channels if conv else None
    spatial = axes or 2
    if input_size is None:
        if axes is None:
            raise OptionError(
                f"{name} has no convolution from which to take the shape of its input: write "
                "input_size=(channels, height, width)"
            )
        input_size = (DEFAULT_SIZES[axes],) * axes
    size = tuple(input_size) if isinstance(input_size, Sequence) else ()
    if not size or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size):
        raise OptionError(
            f"input_size is {input_size!r}: write (channels, height, width) as integers, or "
            "(height, width)"
        )
    if len(size) == spatial and channels is not None:
        return (channels, *size)
    if len(size) <= spatial or (axes and len(size) != axes + 1):
        without = f", or {spatial} without them" if channels is not None else ""
        raise OptionError(
            f"input_size is {size}: {name} takes {spatial + 1} numbers, the channels first{without}"
        )
    return size


def on_meta(module: nn.Module) -> nn.Module:
    """Copies a network in eval mode to the meta device, except integers such as indices."""
    module = uncompiled(module)
    memo: dict[int, Any] = {}
    for part in module.modules():
        for tensor in [*part.parameters(False), *part.buffers(False), *vars(part).values()]:
            if isinstance(tensor, Tensor) and (tensor.is_floating_point() or tensor.is_complex()):
                empty: Tensor = torch.empty_like(tensor.detach(), device="meta")
                is_parameter = isinstance(tensor, nn.Parameter)
                memo[id(tensor)] = nn.Parameter(empty, False) if is_parameter else empty
    return copy.deepcopy(module, memo).eval()


def _image(network: nn.Module, shape: Sequence[int]) -> Tensor:
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), None)
    return torch.empty((1, *shape), device="meta", dtype=dtype)


def _run(network: nn.Module, image: Tensor, trace: Trace | None = None) -> Any:
    try:
        with torch.no_grad():
            if trace is None:
                return network(image)
            with KnownIndices(), trace:
                return network(image)
    except GanBlocksError:
        raise
    except Exception as error:
        if trace is not None and trace.applying:
            raise
        name, message = type(network).__name__, str(error).partition("\n")[0]
        if "meta" in str(error).lower():
            raise OptionError(
                f"{name} reads the values of a tensor ({message}): what it does depends on the "
                "image, and cannot be traced",
                see="unknown-operation",
            ) from error
        if isinstance(error, TypeError) and "forward()" in str(error):
            raise OptionError(
                f"{name} takes inputs other than one image ({error}): wrap it in a module whose "
                "forward takes only the image"
            ) from error
        raise ShapeError(
            f"{name} does not run on an image of {times(image.shape[2:])} with {image.shape[1]} "
            f"channels: {type(error).__name__}: {message}. Pass another input_size, as "
            "(channels, height, width) if its first convolution does not read the image itself"
        ) from error
