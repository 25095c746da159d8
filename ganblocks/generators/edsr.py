"""The super-resolution generator EDSR."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks import UPSAMPLERS, Conv2d, ResidualBlock, fill_weight
from ganblocks.errors import MOST_BLOCKS, OptionError, require_count, require_image
from ganblocks.generators.registry import GENERATORS


@GENERATORS.register("edsr")
class EDSRGenerator(nn.Module):
    """Super-resolution with residual blocks without norm (EDSR, Lim et al., CVPR Workshops 2017).

    (B, in_channels, H, W) → (B, in_channels, scale · H, scale · W) for any H and W:
    convolution, residual blocks, convolution, a skip around them, a `pixelshuffle` for each
    doubling, convolution. Unlike in the paper, the result is added to the bicubically enlarged
    image, and the last convolution starts at 0, so training starts from bicubic interpolation. The
    defaults are the paper's baseline; the full size is `base_channels=256, n_blocks=32,
    res_scale=0.1`.

    Args:
        in_channels: Channels of both images.
        scale: Factor for height and width, a power of two.
        base_channels: Channels of every hidden layer.
        n_blocks: Number of residual blocks.
        res_scale: Scales what each block adds; 0.1 stabilizes wide networks.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong channels.

    Examples:
        >>> import torch
        >>> generator = EDSRGenerator(scale=4, base_channels=8, n_blocks=2)
        >>> generator(torch.zeros(1, 3, 5, 7)).shape
        torch.Size([1, 3, 20, 28])
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        scale: int = 2,
        base_channels: int = 64,
        n_blocks: int = 16,
        res_scale: float = 1.0,
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("base_channels", base_channels, 1)
        require_count("n_blocks", n_blocks, 0, MOST_BLOCKS)
        if scale < 2 or scale & (scale - 1):
            raise OptionError(f"scale is {scale}: write a power of two, such as 2 or 4")
        self.in_channels = self.out_channels = in_channels
        self.scale = scale
        width = base_channels
        self.first = Conv2d(in_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, width, res_scale=res_scale) for _ in range(n_blocks)
        )
        self.joining = Conv2d(width, width, 3, padding=1)
        self.up = nn.ModuleList(
            UPSAMPLERS.build("pixelshuffle", width, width) for _ in range(scale.bit_length() - 1)
        )
        self.last = Conv2d(width, in_channels, 3, padding=1, bias=False)
        self.after_initialize()

    def after_initialize(self) -> None:
        """Sets the last convolution to 0; `initialize` calls it."""
        fill_weight(self.last, nn.init.zeros_)

    @property
    def last_layer(self) -> nn.Parameter:
        """The last convolution's weight, which adaptive weights use to compare gradients."""
        return self.last.weight  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        """Enlarges images (B, in_channels, H, W) to (B, in_channels, scale · H, scale · W).

        Args:
            x: Images in [-1, 1].
        """
        require_image("EDSRGenerator", x, self.in_channels, network=self)
        maps = first = self.first(x)
        for block in self.blocks:
            maps = block(maps)
        maps = first + self.joining(maps)
        for up in self.up:
            maps = up(maps)
        enlarged = F.interpolate(x, scale_factor=float(self.scale), mode="bicubic")
        result: Tensor = enlarged + self.last(maps)
        return result
