"""A generator."""

import torch
from torch import Tensor, nn

from ganblocks import GENERATORS, ConvBlock, initialize
from ganblocks.registry import ComponentLike


@GENERATORS.register("residual_stack")
class ResidualStackGenerator(nn.Module):
    """Residual blocks at full size, for small changes of color and texture.

    (B, in_channels, H, W) → (B, out_channels, H, W) in [−1, 1], for any H and W.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        base_channels: Channels of every block.
        n_blocks: Residual blocks; each sees four pixels further.
        norm: Name, spec or factory from `ganblocks.blocks.NORMS`, this package's by default.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        base_channels: int = 32,
        n_blocks: int = 4,
        norm: ComponentLike = "filter_response",
    ) -> None:
        super().__init__()
        self.first = ConvBlock(in_channels, base_channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                ConvBlock(base_channels, base_channels, norm=norm),
                ConvBlock(base_channels, base_channels, norm=norm, activation="none"),
            )
            for _ in range(n_blocks)
        )
        self.last = ConvBlock(base_channels, out_channels, activation="none")
        initialize(self, "normal")

    def forward(self, x: Tensor) -> Tensor:
        """Translates a batch of images."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return torch.tanh(self.last(x))
