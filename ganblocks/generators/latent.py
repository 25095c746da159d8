"""The generator of R3GAN: from a random vector to an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganblocks.blocks import Conv2d, initialize
from ganblocks.blocks.bottleneck import LINEAR_INIT, bottleneck_stages, stage_widths
from ganblocks.blocks.labels import require_labels
from ganblocks.errors import ShapeError, require_count
from ganblocks.generators.registry import GENERATORS


@GENERATORS.register("latent")
class LatentGenerator(nn.Module):
    """Maps random vectors to images, as in R3GAN (Huang et al., NeurIPS 2024, section 4).

    Latents (B, latent_dim), N(0, 1) → images (B, out_channels, image_size, image_size). A linear
    map of the latent scales the channels of a learned 4×4 map; stages of `BottleneckBlock`
    follow, each but the first on a map of twice the size, and a 1×1 convolution.

    Args:
        latent_dim: Length of a latent.
        out_channels: Channels of the image.
        image_size: Side of the image, 4 times a power of two.
        base_channels: Channels at full size; each halving of the map doubles them.
        max_multiplier: Maximum channels of a stage, in multiples of `base_channels`.
        n_blocks: Blocks per stage.
        group_channels: As in `BottleneckBlock`.
        num_classes: Number of classes; 0 for a generator without labels.

    Raises:
        OptionError: An argument has an invalid value; in forward: labels are missing or unexpected.
        ShapeError: In forward: latents or labels have the wrong shape.

    Examples:
        >>> generator = LatentGenerator(16, image_size=32, base_channels=8, num_classes=10)
        >>> generator(torch.randn(2, 16), torch.tensor([3, 7])).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        latent_dim: int = 64,
        out_channels: int = 3,
        *,
        image_size: int = 64,
        base_channels: int = 64,
        max_multiplier: int = 8,
        n_blocks: int = 2,
        group_channels: int = 16,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        require_count("latent_dim", latent_dim, 1)
        require_count("out_channels", out_channels, 1)
        require_count("num_classes", num_classes, 0)
        self.latent_dim = latent_dim
        self.out_channels = out_channels
        self.image_size = image_size
        self.num_classes = num_classes
        widths = stage_widths(image_size, base_channels, max_multiplier)[::-1]
        if num_classes:
            self.embed = nn.Embedding(num_classes, latent_dim)
        self.basis = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.mapping = nn.Linear(latent_dim * (2 if num_classes else 1), widths[0], bias=False)
        self.stages = bottleneck_stages(
            widths, "up", n_blocks=n_blocks, group_channels=group_channels
        )
        self.last = Conv2d(widths[-1], out_channels, 1, bias=False)
        initialize(self, LINEAR_INIT)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Generates images (B, out_channels, image_size, image_size), about in [-1, 1].

        Args:
            latent: Random vectors (B, latent_dim), N(0, 1).
            labels: Classes (B,) of int64, if the network has any.
        """
        if latent.ndim != 2 or latent.shape[1] != self.latent_dim or not latent.shape[0]:
            raise ShapeError(
                f"LatentGenerator got a tensor of shape {tuple(latent.shape)}: pass latents "
                f"(B, {self.latent_dim}), such as torch.randn(1, {self.latent_dim})"
            )
        require_labels("LatentGenerator", labels, latent.shape[0], self.num_classes)
        if labels is not None:
            latent = torch.cat((latent, self.embed(labels).to(latent.dtype)), 1)
        maps = self.mapping(latent)[:, :, None, None] * self.basis
        for stage in self.stages:
            maps = stage(maps)
        result: Tensor = self.last(maps)
        return result
