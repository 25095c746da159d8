"""Down-samplers: `(in_channels, out_channels) -> module` that halves height and width."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.blocks.padding import require_odd
from ganblocks.errors import require_count, require_one_of
from ganblocks.registry import Registry

DOWNSAMPLERS: Registry[nn.Module] = Registry("downsamplers")
"""Down-samplers by name; each is built as `DOWNSAMPLERS.build(name, in_channels, out_channels)`.

Odd sides are rounded down, except by a strided convolution with an odd kernel. Networks also pass
`bias`, which says whether the convolution has one.
"""


@DOWNSAMPLERS.register("conv")
def strided_conv(
    in_channels: int, out_channels: int, *, kernel_size: int = 4, bias: bool = True
) -> nn.Module:
    """Convolution of stride 2, as in pix2pix (Isola et al., 2017, section 6.1).

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2); an odd kernel rounds up.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel, at least 2.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: The kernel is smaller than 2.
    """
    require_count("kernel_size", kernel_size, 2)
    return Conv2d(
        in_channels, out_channels, kernel_size, 2, padding=(kernel_size - 1) // 2, bias=bias
    )


class _SameSizeConv(nn.Module):
    """Base class of down-samplers with a stride-1 convolution before the halving."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 3, bias: bool = True
    ) -> None:
        super().__init__()
        require_odd(kernel_size)
        self.conv = Conv2d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias
        )


@DOWNSAMPLERS.register("pool")
class PoolDown(_SameSizeConv):
    """Convolution of stride 1, then average or max pooling of 2×2 pixels.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        pool: `"average"` or `"max"`.
        kernel_size: Side length of the kernel, odd.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: An option has an invalid value.

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
        super().__init__(in_channels, out_channels, kernel_size=kernel_size, bias=bias)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Halves height and width."""
        x = self.conv(x)
        return F.avg_pool2d(x, 2) if self.pool == "average" else F.max_pool2d(x, 2)

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"pool={self.pool!r}"


@DOWNSAMPLERS.register("blur")
class BlurDown(_SameSizeConv):
    """Convolution of stride 1, then a blur of stride 2, which is less sensitive to shifts.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2). The blur is the binomial
    1-3-3-1 (Zhang, ICML 2019, section 4), with reflect padding.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side length of the kernel, odd.
        bias: Whether the convolution has a bias.

    Raises:
        OptionError: The kernel is even, or not a positive integer.

    Examples:
        >>> import torch
        >>> BlurDown(3, 8)(torch.zeros(1, 3, 8, 9)).shape
        torch.Size([1, 8, 4, 4])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Halves height and width."""
        # Three 2×2 averages in a row equal the kernel 1-3-3-1 along each axis, without a buffer.
        x = F.pad(self.conv(x), (1, 1, 1, 1), mode="reflect")
        return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2)
