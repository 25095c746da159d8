"""Up-samplers: `(in_channels, out_channels) -> module` that doubles height and width."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.matmul_conv import Conv2d, ConvTranspose2d
from ganblocks.blocks.padding import padding_of_conv, require_odd
from ganblocks.blocks.spectral import fill_weight
from ganblocks.errors import GanBlocksWarning, OptionError, require_count, require_one_of
from ganblocks.registry import ComponentLike, Registry

UPSAMPLERS: Registry[nn.Module] = Registry("upsamplers")
"""Up-samplers by name; each is built as `UPSAMPLERS.build(name, in_channels, out_channels)`.

Networks also pass `bias`, which says whether the convolution has one.
"""


def transposed_conv(
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: int = 4,
    stride: int = 2,
    bias: bool = True,
    checkerboard: str = "warn",
) -> ConvTranspose2d:
    """Returns a transposed convolution that multiplies height and width by exactly `stride`.

    Examples:
        >>> transposed_conv(8, 3, kernel_size=2)(torch.zeros(1, 8, 5, 7)).shape
        torch.Size([1, 3, 10, 14])
    """
    require_count("stride", stride, 1)
    require_count("kernel_size", kernel_size, stride)
    require_one_of("checkerboard", checkerboard, ("warn", "accept"))
    if stride == 1 and kernel_size % 2 == 0:
        raise OptionError(
            f"kernel_size {kernel_size} with stride 1 cannot keep the size: use an odd one"
        )
    if kernel_size % stride and checkerboard == "warn":
        warnings.warn(
            f"a transposed convolution of kernel_size {kernel_size} and stride {stride} causes "
            "checkerboards, because its kernel covers some pixels more often than others (Odena et "
            f"al., Distill 2016). Use a kernel_size that is a multiple of {stride}, or another "
            'up-sampler such as up="nearest"',
            GanBlocksWarning,
            stacklevel=2,
        )
    padding = (kernel_size - stride + 1) // 2
    return ConvTranspose2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        output_padding=2 * padding + stride - kernel_size,
        bias=bias,
    )


@UPSAMPLERS.register("deconv")
def deconv(
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: int = 4,
    bias: bool = True,
    checkerboard: str = "warn",
) -> nn.Module:
    """Transposed convolution of stride 2, as in pix2pix (Isola et al., 2017, section 6.1).

    (B, in_channels, H, W) → (B, out_channels, 2 · H, 2 · W). Even kernels cause no checkerboards.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel, at least 2.
        bias: Whether the convolution has a bias.
        checkerboard: `"warn"` warns about an odd kernel, `"accept"` does not.

    Raises:
        OptionError: The kernel is smaller than 2, or `checkerboard` is unknown.
    """
    return transposed_conv(
        in_channels, out_channels, kernel_size=kernel_size, bias=bias, checkerboard=checkerboard
    )


@UPSAMPLERS.register("resize")
class ResizeConv(nn.Module):
    """Interpolation, then a convolution (Odena et al., Distill 2016).

    (B, in_channels, H, W) → (B, out_channels, 2 · H, 2 · W).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mode: `"nearest"` or `"bilinear"`.
        kernel_size: Side length of the kernel, odd.
        padding_mode: Name, spec or factory from `PADDINGS`.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: An option has an invalid value.

    Examples:
        >>> ResizeConv(8, 3, mode="bilinear")(torch.zeros(1, 8, 5, 7)).shape
        torch.Size([1, 3, 10, 14])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        mode: str = "nearest",
        kernel_size: int = 3,
        padding_mode: ComponentLike = "zeros",
        bias: bool = True,
    ) -> None:
        super().__init__()
        require_one_of("mode", mode, ("nearest", "bilinear"))
        require_odd(kernel_size)
        self.mode = mode
        self.pad, conv_padding = padding_of_conv(padding_mode, kernel_size // 2)
        self.conv = Conv2d(in_channels, out_channels, kernel_size, padding=conv_padding, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Doubles height and width."""
        x = F.interpolate(x, scale_factor=2.0, mode=self.mode)
        result: Tensor = self.conv(self.pad(x))
        return result

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"mode={self.mode!r}"


UPSAMPLERS.preset(
    "nearest",
    {"type": "resize", "mode": "nearest"},
    "Nearest-neighbor interpolation, then a convolution: no checkerboards with any kernel",
)
UPSAMPLERS.preset(
    "bilinear",
    {"type": "resize", "mode": "bilinear"},
    "Bilinear interpolation, then a convolution: smoother than `nearest`",
)


@UPSAMPLERS.register("pixelshuffle")
class PixelShuffleConv(nn.Module):
    """Convolution to four times the channels, rearranged into 2×2 pixels (Shi et al., 2016).

    (B, in_channels, H, W) → (B, out_channels, 2 · H, 2 · W). ICNR initializes it (Aitken et al.,
    2017): the four pixels start equal, as in nearest-neighbor interpolation, so that training
    starts without checkerboards; `ganblocks.initialize` preserves that.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel, odd.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: The kernel is even, or not a positive integer.

    Examples:
        >>> enlarged = PixelShuffleConv(8, 3)(torch.randn(1, 8, 5, 7))
        >>> enlarged.shape, bool(torch.equal(enlarged[..., ::2, ::2], enlarged[..., 1::2, 1::2]))
        (torch.Size([1, 3, 10, 14]), True)
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 3, bias: bool = True
    ) -> None:
        super().__init__()
        require_odd(kernel_size)
        self.conv = Conv2d(
            in_channels, 4 * out_channels, kernel_size, padding=kernel_size // 2, bias=bias
        )
        self.after_initialize()

    def forward(self, x: Tensor) -> Tensor:
        """Doubles height and width."""
        return F.pixel_shuffle(self.conv(x), 2)

    @torch.no_grad()
    def after_initialize(self) -> None:
        """Copies the first of each four filters to the other three; `initialize` calls it."""
        fill_weight(self.conv, lambda weight: weight.copy_(weight[::4].repeat_interleave(4, 0)))
        if self.conv.bias is not None:
            self.conv.bias.copy_(self.conv.bias[::4].repeat_interleave(4, 0))
