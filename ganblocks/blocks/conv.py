"""The conv and deconv blocks."""

from __future__ import annotations

from ganblocks.blocks.block import ORDER, Block
from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.blocks.padding import padding_of_conv
from ganblocks.blocks.registry import BLOCKS
from ganblocks.blocks.up import transposed_conv
from ganblocks.errors import OptionError, not_one_of, require_count
from ganblocks.registry import ComponentLike


@BLOCKS.register("conv")
class ConvBlock(Block):
    """Convolution, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, H', W'), With the default padding, H' = H / stride if
    the stride divides H, and the kernel is odd or the stride above 1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel.
        stride: Stride of the kernel.
        padding: Pixels added on each side; `"auto"` is (kernel_size − 1) // 2.
        padding_mode: How to pad, from `PADDINGS`: `"zeros"`, `"reflect"`, `"replicate"`, …
        bias: `"auto"` adds a bias only if no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps, each at most once, `conv` included.
        spectral_norm: Whether to apply spectral norm to the convolution.

    Raises:
        OptionError: An option has an invalid value.
        ShapeError: In forward: the channels differ, or the map is too small for `padding_mode`.

    Examples:
        >>> import torch
        >>> ConvBlock(3, 64, kernel_size=4, stride=2, norm="batch")(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 64, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | str = "auto",
        padding_mode: ComponentLike = "zeros",
        bias: bool | str = "auto",
        norm: ComponentLike = "none",
        activation: ComponentLike = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = ORDER,
        spectral_norm: bool = False,
    ) -> None:
        require_count("kernel_size", kernel_size, 1)
        require_count("stride", stride, 1)
        if padding == "auto":
            padding = (kernel_size - 1) // 2
        if isinstance(padding, str):
            message = not_one_of("padding", padding, ["auto"])
            raise OptionError(f"{message}, or a number of pixels")
        require_count("padding", padding, 0)
        pad, zeros = padding_of_conv(padding_mode, padding)
        super().__init__(
            lambda bias: Conv2d(in_channels, out_channels, kernel_size, stride, zeros, bias=bias),
            in_channels,
            out_channels,
            bias=bias,
            norm=norm,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            order=order,
            spectral_norm=spectral_norm,
            pad=pad,
        )


@BLOCKS.register("deconv")
class DeconvBlock(Block):
    """Transposed convolution, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, stride · H, stride · W) exactly, for every
    kernel size that is at least the stride; with stride 1 the kernel must be odd.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel; a multiple of the stride avoids
            checkerboard artifacts; any other size causes a warning.
        stride: Factor by which height and width increase.
        bias: `"auto"` adds a bias only if no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps, each at most once, `conv` included.
        spectral_norm: Whether to apply spectral norm to the convolution.

    Raises:
        OptionError: An option has an invalid value.
        ShapeError: In forward: the channels differ.

    Examples:
        >>> import torch
        >>> DeconvBlock(64, 3, norm="batch")(torch.zeros(2, 64, 4, 4)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 4,
        stride: int = 2,
        bias: bool | str = "auto",
        norm: ComponentLike = "none",
        activation: ComponentLike = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = ORDER,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(
            lambda bias: transposed_conv(
                in_channels, out_channels, kernel_size=kernel_size, stride=stride, bias=bias
            ),
            in_channels,
            out_channels,
            bias=bias,
            norm=norm,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            order=order,
            spectral_norm=spectral_norm,
        )
