"""Down-samplers: `(in_channels, out_channels) -> module` that halves height and width."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.errors import OptionError, require_count, require_one_of
from ganblocks.registry import Registry

DOWNSAMPLERS: Registry[nn.Module] = Registry("downsamplers")
"""Down-samplers by name; each is built as `DOWNSAMPLERS.build(name, in_channels, out_channels)`.

A side of an odd number of pixels is halved downwards, except by an odd strided kernel. A network
hands on `bias` too: whether the convolution has one.
"""


@DOWNSAMPLERS.register("conv")
def strided_conv(
    in_channels: int, out_channels: int, *, kernel_size: int = 4, bias: bool = True
) -> nn.Module:
    """Convolution of stride 2: pix2pix's own (Isola et al., 2017, section 6.1).

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2); an odd kernel rounds up.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel in pixels, at least 2.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: The kernel is smaller.
    """
    require_count("kernel_size", kernel_size, 2)
    return Conv2d(
        in_channels, out_channels, kernel_size, 2, padding=(kernel_size - 1) // 2, bias=bias
    )


class _ConvThenShrink(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: bool) -> None:
        super().__init__()
        require_count("kernel_size", kernel_size, 1)
        if kernel_size % 2 == 0:
            raise OptionError(
                f"kernel_size {kernel_size} cannot keep the size before it is halved: write an "
                "odd one"
            )
        self.conv = Conv2d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias
        )

    def forward(self, x: Tensor) -> Tensor:
        """Halves height and width."""
        return self._shrink(self.conv(x))

    def _shrink(self, x: Tensor) -> Tensor:
        raise NotImplementedError


@DOWNSAMPLERS.register("pool")
class PoolDown(_ConvThenShrink):
    """Convolution of stride 1, then the mean or the largest of each 2×2 pixels.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        pool: `"average"` or `"max"`.
        kernel_size: Side of the kernel in pixels, odd.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: An option is not one of those.

    Examples:
        >>> import torch
        >>> PoolDown(3, 8, pool="max")(torch.zeros(1, 3, 8, 9)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        pool: str = "average",
        kernel_size: int = 3,
        bias: bool = True,
    ) -> None:
        require_one_of("pool", pool, ("average", "max"))
        super().__init__(in_channels, out_channels, kernel_size, bias)
        self.pool = pool

    def _shrink(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if self.pool == "average" else F.max_pool2d(x, 2)

    def extra_repr(self) -> str:
        """Shows the options in `repr`."""
        return f"pool={self.pool!r}"


@DOWNSAMPLERS.register("blur")
class BlurDown(_ConvThenShrink):
    """Convolution of stride 1, then a blur of stride 2, so that a shift disturbs it less.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2). The blur is the binomial
    1-3-3-1 (Zhang, ICML 2019, section 4), with the border mirrored.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel in pixels, odd.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: The kernel is even, or no whole number above 0.

    Examples:
        >>> import torch
        >>> BlurDown(3, 8)(torch.zeros(1, 3, 8, 9)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 3, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, bias)

    def _shrink(self, x: Tensor) -> Tensor:
        # Three means of 2×2 are the kernel 1-3-3-1 along each axis, and need no buffer.
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2)
