"""The residual block of R3GAN, and stages of it."""

from __future__ import annotations

from collections import OrderedDict
from math import gcd

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.initializers import KaimingInitializer
from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.blocks.registry import BLOCKS
from ganblocks.blocks.spectral import fill_weight
from ganblocks.errors import OptionError, require_count, require_image

LINEAR_INIT = KaimingInitializer(negative_slope=1.0)
"""N(0, 1 / fan_in), for layers that no activation follows."""


@BLOCKS.register("bottleneck")
class BottleneckBlock(nn.Module):
    """Residual block of R3GAN: 1×1, grouped 3×3 and 1×1 convolution (Huang et al., NeurIPS 2024).

    y = x + project(a(mix(a(expand(x))))), where a is leaky ReLU with slope 0.2; there is no norm.
    (B, in_channels, H, W) → the same. The last weight starts at 0, so that the block starts as
    the identity, the others from He's N(0, 2 / (1.04 · fan_in)) times depth^(-1/4) (Fixup, Zhang
    et al., ICLR 2019: L^(-1/(2m-2)) with m = 3 layers).

    Args:
        in_channels: Channels of the input.
        out_channels: The same as `in_channels`, or None.
        expansion: Factor by which the 3×3 convolution has more channels.
        group_channels: Channels of a group of the 3×3 convolution; their greatest common divisor
            with all of its channels is used.
        depth: Number of such blocks in the network, L.

    Raises:
        OptionError: `out_channels` differs from `in_channels`, or a number is not a positive
            integer.
        ShapeError: In forward: the input has a different number of channels.

    Examples:
        >>> import torch
        >>> x = torch.randn(1, 16, 5, 7)
        >>> torch.equal(BottleneckBlock(16)(x), x)
        True
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        *,
        expansion: int = 2,
        group_channels: int = 16,
        depth: int = 1,
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("expansion", expansion, 1)
        require_count("group_channels", group_channels, 1)
        require_count("depth", depth, 1)
        if out_channels not in (None, in_channels):
            raise OptionError(
                f"out_channels is {out_channels}: the block keeps the channels of its input. "
                f"Write out_channels={in_channels} or leave it out"
            )
        self.in_channels = self.out_channels = in_channels
        self.depth = depth
        inner = expansion * in_channels
        self.expand = Conv2d(in_channels, inner, 1)
        self.mix = Conv2d(inner, inner, 3, padding=1, groups=inner // gcd(inner, group_channels))
        self.project = Conv2d(inner, in_channels, 1, bias=False)
        self.after_initialize()

    def after_initialize(self) -> None:
        """Draws the starting weights; `initialize` calls it."""
        for conv in (self.expand, self.mix):
            KaimingInitializer(negative_slope=0.2)(conv)
            fill_weight(conv, lambda weight: weight.mul_(self.depth**-0.25))
        fill_weight(self.project, nn.init.zeros_)

    def forward(self, x: Tensor) -> Tensor:
        """Transforms a batch of feature maps.

        Args:
            x: Maps (B, in_channels, H, W).
        """
        require_image("BottleneckBlock", x, self.in_channels)
        inner = F.leaky_relu(self.mix(F.leaky_relu(self.expand(x), 0.2)), 0.2)
        result: Tensor = x + self.project(inner)
        return result


def stage_widths(image_size: int, base_channels: int, max_multiplier: int) -> list[int]:
    """Returns the channels of each stage, from the full size down to 4×4."""
    require_count("base_channels", base_channels, 1)
    require_count("max_multiplier", max_multiplier, 1)
    if image_size < 4 or image_size & (image_size - 1):
        raise OptionError(f"image_size is {image_size}: write 4 times a power of two, such as 64")
    return [base_channels * min(2**i, max_multiplier) for i in range(image_size.bit_length() - 2)]


def bottleneck_stages(
    widths: list[int], resize: str, *, n_blocks: int, group_channels: int
) -> nn.ModuleList:
    """Returns a stage of blocks for each width; each but the first starts by resizing the map.

    `resize` is `"down"` for means of 2×2 pixels, `"up"` for bilinear interpolation. A 1×1
    convolution changes the width, at the smaller of the two sizes.
    """
    require_count("n_blocks", n_blocks, 0)
    stages = nn.ModuleList()
    for i, width in enumerate(widths):
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if i and resize == "down":
            parts["down"] = nn.AvgPool2d(2)
        if i and widths[i - 1] != width:
            parts["conv"] = Conv2d(widths[i - 1], width, 1, bias=False)
        if i and resize == "up":
            parts["up"] = nn.Upsample(scale_factor=2, mode="bilinear")
        for block in range(n_blocks):
            parts[f"block{block}"] = BottleneckBlock(
                width, group_channels=group_channels, depth=n_blocks * len(widths)
            )
        stages.append(nn.Sequential(parts))
    return stages
