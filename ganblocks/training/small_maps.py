"""Convolutions of small maps as matrix products, which a CPU does several times faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

MOST_PIXELS = 64
"""Pixels of a batch's maps up to which the product was the faster one, forward and backward."""

LEAST_WEIGHTS = 1 << 18
"""Smaller kernels are quick either way."""


def small_maps(device: torch.device) -> AbstractContextManager[object]:
    """Opens the context in which convolutions of few pixels with many channels are products.

    The inner levels of a U-Net have millions of weights for a handful of pixels. The kernels of
    convolution on a CPU are made for many pixels; the same sums as one matrix product take a
    half to a quarter of the time. On other devices the context does nothing.

    Args:
        device: Where the networks run.

    Examples:
        >>> deconv = torch.nn.ConvTranspose2d(512, 256, 4, 2, 1)
        >>> x = torch.randn(1, 512, 2, 2)
        >>> with small_maps(x.device):
        ...     fast = deconv(x)
        >>> torch.allclose(fast, deconv(x), atol=1e-4)
        True
    """
    return _SmallMaps() if device.type == "cpu" else nullcontext()


class _SmallMaps(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        product = _PRODUCTS.get(func)
        result = None if product is None else product(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {})) if result is None else result


def conv_product(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    """Gives what `conv2d` does, or None where that is better left to it.

    Args:
        x: Maps (B, C, H, W).
        weight: The kernel (C', C, k, k).
        bias: (C',).
        stride: Pixels, or two of them.
        padding: Likewise, or a word.
        dilation: Likewise.
        groups: Groups of channels.

    Examples:
        >>> x, weight = torch.randn(1, 256, 4, 4), torch.randn(256, 256, 4, 4)
        >>> conv_product(x, weight, stride=2, padding=1).shape
        torch.Size([1, 256, 2, 2])
    """
    if isinstance(padding, str) or not _pays(x, weight, groups):
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
    """Gives what `conv_transpose2d` does, or None where that is better left to it.

    Args:
        x: Maps (B, C, H, W).
        weight: The kernel (C, C', k, k).
        bias: (C',).
        stride: Pixels, or two of them.
        padding: Likewise.
        output_padding: Likewise.
        groups: Groups of channels.
        dilation: Pixels, or two of them.

    Examples:
        >>> x, weight = torch.randn(1, 256, 2, 2), torch.randn(256, 256, 4, 4)
        >>> deconv_product(x, weight, stride=2, padding=1).shape
        torch.Size([1, 256, 4, 4])
    """
    pixels = x.shape[0] * x.shape[-1] * x.shape[-2] if x.dim() == 4 else 0
    if not _pays(x, weight, groups) or not 0 < pixels <= MOST_PIXELS:
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


_PRODUCTS: dict[Callable[..., Any], Callable[..., Tensor | None]] = {
    torch.conv2d: conv_product,
    torch.conv_transpose2d: deconv_product,
    F.conv2d: conv_product,
    F.conv_transpose2d: deconv_product,
}


def _pays(x: Tensor, weight: Tensor, groups: int) -> bool:
    return groups == 1 and x.dim() == 4 and weight.numel() >= LEAST_WEIGHTS


def _with_bias(maps: Tensor, bias: Tensor | None) -> Tensor:
    return maps if bias is None else maps + bias.to(maps.dtype)[:, None, None]


def _two(value: Any) -> tuple[int, int]:
    first, *rest = value if isinstance(value, tuple | list) else (value,)
    return first, (rest or [first])[0]
