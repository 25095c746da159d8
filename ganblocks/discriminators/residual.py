"""The discriminator of R3GAN."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ganblocks.blocks import Conv2d, MinibatchStdDev, initialize
from ganblocks.blocks.bottleneck import LINEAR_INIT, bottleneck_stages, stage_widths
from ganblocks.blocks.labels import require_labels
from ganblocks.discriminators.chain import require_input
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.errors import require_count, require_flag
from ganblocks.rf import ReceptiveField, receptive_field


@DISCRIMINATORS.register("residual")
class ResidualDiscriminator(nn.Module):
    """The mirror image of `LatentGenerator`, as in R3GAN (Huang et al., NeurIPS 2024, section 4).

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded, one for an image of `image_size`: 1×1
    convolution, stages of `BottleneckBlock`, each but the first on a map of half the size, a
    depth-wise 4×4 convolution without padding, and a 1×1 convolution. With classes, the inner
    product of the last features and the class's vector is added to each logit (projection,
    Miyato and Koyama, ICLR 2018).

    Args:
        in_channels: Channels of the input.
        image_size: Side of the smallest image, 4 times a power of two.
        base_channels: Channels at full size; each halving of the map doubles them.
        max_multiplier: Maximum channels of a stage, in multiples of `base_channels`.
        n_blocks: Blocks per stage.
        group_channels: As in `BottleneckBlock`.
        num_classes: Number of classes; 0 for a discriminator without labels.
        minibatch_std: Whether a `MinibatchStdDev` comes before the 4×4 convolution; the receptive
            field ignores it.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> import torch
        >>> discriminator = ResidualDiscriminator(3, image_size=32, base_channels=8)
        >>> discriminator(torch.zeros(2, 3, 32, 48)).shape
        torch.Size([2, 1, 1, 3])
    """

    def __init__(
        self,
        in_channels: int,
        *,
        image_size: int = 64,
        base_channels: int = 64,
        max_multiplier: int = 8,
        n_blocks: int = 2,
        group_channels: int = 16,
        num_classes: int = 0,
        minibatch_std: bool = False,
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("num_classes", num_classes, 0)
        require_flag("minibatch_std", minibatch_std)
        self.in_channels = in_channels
        self.image_size = image_size
        self.num_classes = num_classes
        widths = stage_widths(image_size, base_channels, max_multiplier)
        self.first = Conv2d(in_channels, widths[0], 1, bias=False)
        self.stages = bottleneck_stages(
            widths, "down", n_blocks=n_blocks, group_channels=group_channels
        )
        width = widths[-1] + minibatch_std
        self.std = MinibatchStdDev(widths[-1]) if minibatch_std else nn.Identity()
        self.cannot = MinibatchStdDev.cannot if minibatch_std else {}
        self.reduce = Conv2d(width, width, 4, groups=width, bias=False)
        self.logits = Conv2d(width, 1, 1)
        if num_classes:
            self.embed = nn.Embedding(num_classes, width)
        initialize(self, LINEAR_INIT)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores images: higher is more real.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
            labels: Classes (B,) of int64, if the network has any.
        """
        return self.features(x, labels)[-1]

    def features(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        """Returns the maps of all stages, the logits last.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
            labels: Classes (B,) of int64, if the network has any.

        Raises:
            OptionError: Labels are missing or unexpected.
            ShapeError: Images or labels have the wrong shape.

        Examples:
            >>> import torch
            >>> discriminator = ResidualDiscriminator(3, image_size=16, base_channels=8)
            >>> maps = discriminator.features(torch.zeros(1, 3, 16, 16))
            >>> [map.shape[1] for map in maps]
            [8, 16, 32, 1]
        """
        require_input(self, x, "to give a logit", "Enlarge the image or reduce image_size")
        require_labels("ResidualDiscriminator", labels, x.shape[0], self.num_classes)
        x = self.first(x)
        maps = [x := stage(x) for stage in self.stages]
        x = self.reduce(self.std(x))
        logits = self.logits(x)
        if labels is not None:
            vectors = self.embed(labels)[:, :, None, None] / x.shape[1] ** 0.5
            logits = logits + (vectors.to(x.dtype) * x).sum(1, keepdim=True)
        return (*maps, logits)

    @property
    def receptive_field(self) -> ReceptiveField:
        """The receptive field of a logit, without the effect of `minibatch_std`."""
        local = nn.Sequential(self.first, *self.stages, nn.AvgPool2d(4, 1))
        side = max(256, self.image_size)
        return cast(ReceptiveField, receptive_field(local, (self.in_channels, side, side)))

    @property
    def min_input_size(self) -> tuple[int, int]:
        """Smallest (H, W) with a logit."""
        return self.image_size, self.image_size

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (h, w) of the logit map for an image of this size; 0 if it is too small.

        Args:
            height: H in pixels.
            width: W in pixels.

        Examples:
            >>> ResidualDiscriminator(3, image_size=32, base_channels=8).output_size(32, 64)
            (1, 5)
        """
        step = self.image_size // 4
        return max(0, height // step - 3), max(0, width // step - 3)
