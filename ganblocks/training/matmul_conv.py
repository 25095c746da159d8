"""Convolutions of small maps as matrix products, which a CPU does several times faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

MOST_PIXELS = 64
"""Pixels of a batch's maps up to which the product was the faster one, forward and backward."""

LEAST_WEIGHTS = 1 << 18
"""Smaller kernels are quick either way."""


@contextmanager
def matmul_convolutions(*networks: nn.Module) -> Iterator[None]:
    """Makes products of a network's convolutions of few pixels with many channels, on the CPU.

    The inner levels of a U-Net have millions of weights for a handful of pixels. The kernels of
    convolution on a CPU are made for many pixels; the same sums as one matrix product take a
    half to a quarter of the time. Inside `with`, and so in a backward pass that computes layers
    again, both kinds of `nn.Module` do so; networks on other devices are left as they are.

    Examples:
        >>> import torch
        >>> deconv = nn.ConvTranspose2d(512, 256, 4, 2, 1)
        >>> x = torch.randn(1, 512, 2, 2)
        >>> with matmul_convolutions(deconv):
        ...     fast = deconv(x)
        >>> torch.allclose(fast, deconv(x), atol=1e-4)
        True
    """
    modules = dict.fromkeys(m for network in networks for m in network.modules())
    changed = [module for module in modules if _may_be_product(module)]
    for module in changed:
        module.forward = _product_of(module)
    try:
        yield
    finally:
        for module in changed:
            del module.forward  # the class's own again


# What a class has to leave as torch has it, for its sums to be the product's.
_OWN_WAY = {
    nn.Conv2d.forward: ("_conv_forward", nn.Conv2d),
    nn.ConvTranspose2d.forward: ("_output_padding", nn.ConvTranspose2d),
}


def _may_be_product(module: Any) -> bool:
    kind = type(module)
    if kind.forward not in _OWN_WAY or "forward" in vars(module):
        return False
    name, torchs = _OWN_WAY[kind.forward]
    if getattr(kind, name) is not getattr(torchs, name) or module.padding_mode != "zeros":
        return False
    # Not by the weight itself, which spectral norm would compute to be looked at.
    size = module.in_channels * module.out_channels // module.groups * prod(module.kernel_size)
    on_cpu = all(p.device.type == "cpu" for p in module.parameters())
    return bool(size >= LEAST_WEIGHTS and on_cpu)


def _product_of(module: Any) -> Callable[..., Tensor]:
    own = type(module).forward
    place: tuple[Any, ...] = (module.stride, module.padding)
    if isinstance(module, nn.ConvTranspose2d):
        product: Any = deconv_product
        place = (*place, module.output_padding, module.groups, module.dilation)
    else:
        product = conv_product
        place = (*place, module.dilation, module.groups)

    def forward(input: Tensor, *size: Any, **more: Any) -> Tensor:  # noqa: A002  (torch's own)
        result = None if size or more else product(input, module.weight, module.bias, *place)
        given: Tensor = own(module, input, *size, **more) if result is None else result
        return given

    return forward


def conv_product(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    """Returns what `conv2d` does, or None where that is better left to it."""
    if isinstance(padding, str) or groups != 1 or x.dim() != 4:
        return None
    stride, padding, dilation = _two(stride), _two(padding), _two(dilation)
    kernel = weight.shape[-2:]
    height, width = (
        (x.shape[2 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in (0, 1)
    )
    if height < 1 or width < 1 or len(x) * height * width > MOST_PIXELS:
        return None
    columns = F.unfold(x, (kernel[0], kernel[1]), dilation, padding, stride)
    rows = columns.transpose(1, 2).flatten(0, 1)  # a row for each pixel: the quickest form
    maps = (rows @ weight.flatten(1).t()).unflatten(0, (len(x), height, width))
    return _with_bias(maps.movedim(-1, 1).contiguous(), bias)


def deconv_product(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor | None:
    """Returns what `conv_transpose2d` does, or None where that is better left to it."""
    pixels = x.shape[0] * x.shape[-1] * x.shape[-2] if x.dim() == 4 else 0
    if groups != 1 or not 0 < pixels <= MOST_PIXELS:
        return None
    stride, padding, dilation, extra = map(_two, (stride, padding, dilation, output_padding))
    kernel = weight.shape[-2:]
    size = tuple(
        (x.shape[2 + i] - 1) * stride[i]
        - 2 * padding[i]
        + dilation[i] * (kernel[i] - 1)
        + extra[i]
        + 1
        for i in (0, 1)
    )
    rows = x.flatten(2).transpose(1, 2).flatten(0, 1)
    columns = (rows @ weight.flatten(1)).unflatten(0, (len(x), -1)).transpose(1, 2)
    maps = F.fold(columns, size, (kernel[0], kernel[1]), dilation, padding, stride)
    return _with_bias(maps, bias)


def _with_bias(maps: Tensor, bias: Tensor | None) -> Tensor:
    return maps if bias is None else maps + bias.to(maps.dtype)[:, None, None]


def _two(value: Any) -> tuple[int, int]:
    first, *rest = value if isinstance(value, tuple | list) else (value,)
    return first, (rest or [first])[0]
