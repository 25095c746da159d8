"""Convolutions that run as matrix products where that is faster: small maps on the CPU."""

from __future__ import annotations

from math import prod
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import require_count

MAX_PIXELS = 64
"""Maximum pixels in a batch of maps for which the product is faster, forward and backward."""

MIN_WEIGHTS = 1 << 18
"""Minimum weights of a kernel; smaller ones are fast either way."""


class Conv2d(nn.Conv2d):
    """`nn.Conv2d`, faster on the CPU for large kernels on small maps.

    The inner levels of a U-Net have millions of weights for a handful of pixels, where one matrix
    product takes a quarter to half of the time of the CPU's convolution. Results are equal up to
    rounding. Elsewhere, and when compiled or exported, it is the plain convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        *args: Other arguments of `nn.Conv2d`.
        **kwargs: Other arguments of `nn.Conv2d`.

    Raises:
        OptionError: A number of channels is not a positive integer.

    Examples:
        >>> conv, image = Conv2d(512, 512, 4, 2, 1), torch.randn(1, 512, 4, 4)
        >>> plain = F.conv2d(image, conv.weight, conv.bias, 2, 1)
        >>> torch.allclose(conv(image), plain, atol=1e-4)
        True
    """

    def __init__(self, in_channels: int, out_channels: int, *args: Any, **kwargs: Any) -> None:
        _require_channels(in_channels, out_channels)
        super().__init__(in_channels, out_channels, *args, **kwargs)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Convolves a batch of feature maps.

        Args:
            input: Maps (B, in_channels, H, W).
        """
        if not _may_be_matmul(self, input) or isinstance(self.padding, str):
            return super().forward(input)
        stride, padding, dilation = self.stride, self.padding, self.dilation
        height, width = (
            (input.shape[2 + i] + 2 * padding[i] - dilation[i] * (self.kernel_size[i] - 1) - 1)
            // stride[i]
            + 1
            for i in (0, 1)
        )
        if min(height, width) < 1 or len(input) * height * width > MAX_PIXELS:
            return super().forward(input)
        columns = F.unfold(input, self.kernel_size, dilation, padding, stride)
        rows = columns.transpose(1, 2).flatten(0, 1)  # one row per pixel: the fastest layout
        maps = (rows @ self.weight.flatten(1).t()).unflatten(0, (len(input), height, width))
        return _add_bias(maps.movedim(-1, 1).contiguous(), self.bias)


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` that is faster on the CPU, like `Conv2d`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        *args: Other arguments of `nn.ConvTranspose2d`.
        **kwargs: Other arguments of `nn.ConvTranspose2d`.

    Raises:
        OptionError: A number of channels is not a positive integer.

    Examples:
        >>> deconv, image = ConvTranspose2d(512, 256, 4, 2, 1), torch.randn(1, 512, 2, 2)
        >>> plain = F.conv_transpose2d(image, deconv.weight, deconv.bias, 2, 1)
        >>> torch.allclose(deconv(image), plain, atol=1e-4)
        True
    """

    def __init__(self, in_channels: int, out_channels: int, *args: Any, **kwargs: Any) -> None:
        _require_channels(in_channels, out_channels)
        super().__init__(in_channels, out_channels, *args, **kwargs)

    def forward(
        self,
        input: Tensor,  # noqa: A002  (torch's name)
        output_size: list[int] | None = None,
    ) -> Tensor:
        """Convolves a batch of feature maps.

        Args:
            input: Maps (B, in_channels, H, W).
            output_size: Height and width of the output, or None for those of `output_padding`.
        """
        if output_size or not _may_be_matmul(self, input):
            return super().forward(input, output_size)
        if not 0 < input[:, 0].numel() <= MAX_PIXELS:
            return super().forward(input)
        stride, dilation = self.stride, self.dilation
        padding = cast(tuple[int, int], self.padding)  # torch allows no string here
        # Without padding, because fold allows no output_padding of a stride or more.
        size = tuple(
            (input.shape[2 + i] - 1) * stride[i] + dilation[i] * (self.kernel_size[i] - 1) + 1
            for i in (0, 1)
        )
        if any(
            size[i] - 2 * padding[i] + self.output_padding[i] < 1
            or self.output_padding[i] >= max(stride[i], dilation[i])
            for i in (0, 1)
        ):
            return super().forward(input)  # torch refuses it
        rows = input.flatten(2).transpose(1, 2).flatten(0, 1)
        columns = (rows @ self.weight.flatten(1)).unflatten(0, (len(input), -1)).transpose(1, 2)
        maps = F.fold(columns, size, self.kernel_size, dilation, 0, stride)
        (top, left), (below, right) = padding, self.output_padding
        maps = F.pad(maps, (-left, right - left, -top, below - top))
        return _add_bias(maps, self.bias)


def _require_channels(in_channels: int, out_channels: int) -> None:
    require_count("in_channels", in_channels, 1)
    require_count("out_channels", out_channels, 1)


def _may_be_matmul(conv: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> bool:
    # Do not read `weight`: that would run a step of spectral norm.
    weights = conv.in_channels * conv.out_channels * prod(conv.kernel_size)
    return (
        weights >= MIN_WEIGHTS
        and type(x) in (Tensor, nn.Parameter)  # not a proxy, nor a tensor with its own kernels
        and conv.groups == 1
        and conv.padding_mode == "zeros"
        and x.dim() == 4
        and x.device.type == "cpu"
        and x.layout == torch.strided
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    )


def _add_bias(maps: Tensor, bias: Tensor | None) -> Tensor:
    return maps if bias is None else maps + bias.to(maps.dtype)[:, None, None]
