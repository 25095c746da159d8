"""The receptive field of any network, found by watching one run of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import GanBlocksError, OptionError, ShapeError, require_one_of
from ganblocks.rf.found import Found
from ganblocks.rf.geometry import ReceptiveField
from ganblocks.rf.layers import summary, times
from ganblocks.rf.outputs import for_each_output, picked
from ganblocks.rf.reach import Reach
from ganblocks.rf.rules import RULES
from ganblocks.rf.walk import Walk

USUAL = {1: 1024, 2: 256, 3: 64}  # pixels along each axis where the caller names no size


def receptive_field(
    module: nn.Module, input_size: Sequence[int] | None = None, *, statistics: str = "ignored"
) -> Any:
    """Computes what each output of a network sees of its input image.

    The network runs once, in eval mode and without data, and every operation is followed:
    convolutions, transposed ones, pools, interpolation, shuffles, pads, crops, branches that
    meet, reshapes, matrix products, attention. The network itself is not touched.

    Args:
        module: Any network that takes one image (1, C, *spatial), in 1D, 2D or 3D.
        input_size: (C, *spatial), or the spatial size alone where the first layer tells the
            channels. None takes 256×256 (1024 in 1D, 64³ in 3D), and refuses whatever depends
            on the size.
        statistics: Statistics of the whole map that scale or shift it, such as an instance
            norm's mean and deviation or squeeze-excite's gate: "ignored" takes them for
            constants and lists them in `ignored`; "counted" lets them see the whole map.

    Returns:
        A `ReceptiveField`. Where the network gives a list or tuple of maps, a tuple of fields;
        where it gives a dictionary, a dictionary.

    Raises:
        OptionError: `module` is no module, an option is not allowed, or the network depends on
            a size that was not named.
        ShapeError: The image is too small for the network, or has other channels.
        UnknownOperationError: The network does something for which there is no rule.

    Examples:
        >>> field = receptive_field(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.MaxPool2d(2)))
        >>> field
        ReceptiveField(size=(5, 5), stride=(4, 4), padding=(1, 1), uniform=True, aligned=True)
        >>> field.box(0, 0), field.support(0, 0)
        ((-1, -1, 4, 4), (0, 0, 4, 4))
    """
    require_one_of("statistics", statistics, ["ignored", "counted"])
    shape = full_input_size(module, input_size)
    network = without_data(module).eval()
    walk = Walk(RULES, len(shape) - 1, input_size is not None, statistics)
    walk.name_modules(network)
    out = _run(network, shape, walk)

    def field_of(output: Any, key: Any) -> ReceptiveField:
        if not isinstance(output, Tensor):
            raise OptionError(
                f"{type(module).__name__} gives a {type(output).__name__} where a tensor is "
                "looked for: wrap it in a module that gives a tensor, or a flat list or "
                "dictionary of them"
            )
        reach = walk.tracker.reach(output)
        if reach is None or reach.sees_nothing:
            raise ShapeError(
                f"the output of {type(module).__name__} does not depend on its input: "
                "there is no receptive field"
            )
        reach = _of_places(reach)

        def measure(size: tuple[int, ...]) -> tuple[int, ...]:
            if len(size) != len(shape) - 1:
                raise OptionError(f"size {size}: write {len(shape) - 1} numbers")
            made = _run(without_data(module).eval(), (shape[0], *size))
            return tuple(picked(made, key).shape[2:])

        return ReceptiveField(
            *summary(reach),
            uniform=all(s.run is not None and s.run.period == 1 for s in reach.field),
            aligned=not walk.misaligned,
            found=Found(
                reach,
                shape[1:],
                tuple(output.shape[2:]),
                tuple(walk.layers),
                tuple(dict.fromkeys(walk.ignored)),
                tuple(dict.fromkeys(walk.misaligned)),
                measure,
            ),
        )

    return for_each_output(out, field_of)


def full_input_size(module: nn.Module, input_size: Sequence[int] | None) -> tuple[int, ...]:
    """Returns (C, *spatial) of a network's image, with the channels that its first layer tells."""
    if not isinstance(module, nn.Module):
        raise OptionError(
            f"{module!r} is no network: give an nn.Module, such as PatchDiscriminator(6)"
        )
    channels, axes = _first_layer(module)
    if input_size is None:
        if axes is None:
            raise OptionError(
                f"{type(module).__name__} has no convolution that tells the shape of its input: "
                "write input_size=(channels, height, width)"
            )
        input_size = (USUAL[axes],) * axes
    size = tuple(input_size) if isinstance(input_size, Sequence) else ()
    if not size or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size):
        raise OptionError(
            f"input_size is {input_size!r}: write (channels, height, width) in whole numbers, or "
            "(height, width)"
        )
    if len(size) == (axes or 2):
        if channels is None:
            raise OptionError(
                f"input_size is {size}, and {type(module).__name__} has no layer that tells its "
                f"channels: write (channels, {', '.join(map(str, size))})"
            )
        return (channels, *size)
    if axes is not None and len(size) != axes + 1:
        raise OptionError(
            f"input_size is {size}: this network takes {axes + 1} numbers, the channels first, or "
            f"{axes} without them"
        )
    if len(size) == 1:
        raise OptionError(f"input_size is {size}: write the channels too")
    return size


def without_data(module: nn.Module) -> nn.Module:
    """Copies a network without the numbers in its tensors; whole numbers, as of indices, stay."""
    module = getattr(module, "_orig_mod", module)  # of a compiled one
    memo: dict[int, Any] = {}
    for part in module.modules():
        for tensor in [*part._parameters.values(), *part._buffers.values(), *vars(part).values()]:
            if isinstance(tensor, Tensor) and (tensor.is_floating_point() or tensor.is_complex()):
                empty: Tensor = torch.empty_like(tensor.detach(), device="meta")
                is_parameter = isinstance(tensor, nn.Parameter)
                memo[id(tensor)] = nn.Parameter(empty, False) if is_parameter else empty
    return copy.deepcopy(module, memo)


def _first_layer(module: nn.Module) -> tuple[int | None, int | None]:
    """Returns the channels and the count of axes that the first convolution tells."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.conv._ConvNd):
            own = getattr(module, "in_channels", layer.in_channels)
            return own if isinstance(own, int) else layer.in_channels, len(layer.kernel_size)
    own = getattr(module, "in_channels", None)
    return (own if isinstance(own, int) else None), None


def _run(network: nn.Module, shape: tuple[int, ...], walk: Walk | None = None) -> Any:
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), None)
    image = torch.empty((1, *shape), device="meta", dtype=dtype)
    try:
        with torch.no_grad():
            if walk is None:
                return network(image)
            walk.tracker.begin(image)
            with walk:
                return network(image)
    except GanBlocksError:
        raise
    except Exception as error:
        if walk is not None and walk.applying:
            raise
        name = type(network).__name__
        if "meta" in str(error).lower():
            raise OptionError(
                f"{name} reads the values of a tensor on its way ({str(error).splitlines()[0]}): "
                "what it does depends on the image, and cannot be followed",
                see="unknown-operation",
            ) from error
        if isinstance(error, TypeError) and "forward()" in str(error):
            raise OptionError(
                f"{name} takes other inputs than one image ({error}): wrap it in a module whose "
                "forward takes the image alone"
            ) from error
        raise ShapeError(
            f"{name} does not run on an image of {times(shape[1:])} with {shape[0]} channels: "
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}. "
            "Give another input_size"
        ) from error


def _of_places(reach: Reach) -> Reach:
    """Joins what all channels of a place see, and keeps the places alone."""
    return reach.reduce(range(min(2, len(reach.dims))), keepdim=False).singled()
