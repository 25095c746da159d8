"""The PatchGAN: a discriminator whose every logit judges one patch."""

from __future__ import annotations

from torch import Tensor, nn

from ganblocks.blocks import ConvBlock, initialize
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.errors import ShapeError, require_at_least, require_image
from ganblocks.registry import Knob
from ganblocks.rf.geometry import (
    ReceptiveField,
    min_input_size_of_chain,
    output_size_of_chain,
    receptive_field_of_chain,
)


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al., CVPR 2017, section 3.2.2 and 6.1.2).

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded: no sigmoid and no norm comes after
    the last convolution. For conditional use `in_channels` counts condition and image, and
    the input is `torch.cat((condition, image), 1)`.

    With the default kernel, n_layers 1, 2, 3, 4, 5 give receptive fields of 16, 34, 70, 142
    and 286 pixels; on 256² they score 126², 62², 30², 14² and 6² patches.

    Args:
        in_channels: Channels of the input; 6 is an RGB condition and an RGB image.
        base_channels: Channels of the first convolution (ndf); each layer doubles them.
        n_layers: Convolutions of stride 2; 3 is the 70×70 PatchGAN.
        max_multiplier: Most channels of a layer, in multiples of `base_channels`.
        kernel_size: Side of every kernel in pixels.
        norm: Norm of the inner layers, from `NORMS`; the first and last have none.
        bias: Whether the convolutions have a bias; `"auto"` where no norm follows. The last
            convolution always has one.
        activation: Activation, from `ACTIVATIONS`.
        init: How the weights begin, from `INITIALIZERS`.

    Raises:
        OptionError: A knob has a value that is not allowed.
        ShapeError: In forward: the image has other channels or is smaller than
            `min_input_size`.

    Example:
        >>> import torch
        >>> discriminator = PatchDiscriminator(base_channels=8)
        >>> discriminator.receptive_field.size
        (70, 70)
        >>> discriminator(torch.zeros(1, 6, 256, 256)).shape
        torch.Size([1, 1, 30, 30])
    """

    def __init__(
        self,
        in_channels: int = 6,
        *,
        base_channels: int = 64,
        n_layers: int = 3,
        max_multiplier: int = 8,
        kernel_size: int = 4,
        norm: Knob = "batch",
        bias: bool | str = "auto",
        activation: Knob = "leaky_relu",
        init: Knob = "normal",
    ) -> None:
        super().__init__()
        for what, value in [
            ("in_channels", in_channels),
            ("base_channels", base_channels),
            ("n_layers", n_layers),
            ("max_multiplier", max_multiplier),
            ("kernel_size", kernel_size),
        ]:
            require_at_least(what, value, 1)
        self.in_channels = in_channels
        channels = [base_channels * min(2**i, max_multiplier) for i in range(n_layers + 1)]
        self.blocks = nn.ModuleList(
            ConvBlock(
                channels[i - 1] if i else in_channels,
                out,
                kernel_size=kernel_size,
                stride=2 if i < n_layers else 1,
                bias=bias,
                norm=norm if i else "none",
                activation=activation,
            )
            for i, out in enumerate(channels)
        )
        self.logits = ConvBlock(channels[-1], 1, kernel_size=kernel_size, activation="none")
        initialize(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Scores the patches of (B, in_channels, H, W): higher is more real."""
        return self.features(x)[-1]

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Gives the map of every layer, the logits last."""
        require_image("PatchDiscriminator", x.shape, self.in_channels)
        least = self.min_input_size
        if x.shape[2] < least[0] or x.shape[3] < least[1]:
            raise ShapeError(
                f"image of {x.shape[2]}×{x.shape[3]}: this PatchDiscriminator needs at least "
                f"{least[0]}×{least[1]} to give a logit. Enlarge the image or take fewer n_layers"
            )
        maps = []
        for block in (*self.blocks, self.logits):
            x = block(x)
            maps.append(x)
        return tuple(maps)

    @property
    def receptive_field(self) -> ReceptiveField:
        """What each logit sees of the image."""
        return receptive_field_of_chain(self._convs())

    @property
    def min_input_size(self) -> tuple[int, int]:
        """Smallest (H, W) that gives a logit."""
        return min_input_size_of_chain(self._convs())

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (h, w) of the logit map of an image of this size.

        Example:
            >>> PatchDiscriminator(base_channels=8).output_size(256, 512)
            (30, 62)
        """
        return output_size_of_chain(self._convs(), height, width)

    def extra_repr(self) -> str:
        """Shows in `repr` what a logit sees."""
        field, grid = self.receptive_field, self.output_size(256, 256)
        return (
            f"receptive field {field.size[0]}×{field.size[1]}, stride {field.stride[0]}, "
            f"{grid[0]}×{grid[1]} logits on 256×256"
        )

    def _convs(self) -> list[nn.Conv2d]:
        return [block.conv for block in (*self.blocks, self.logits)]
