"""The PixelGAN: a discriminator with one logit per pixel."""

from __future__ import annotations

from typing import Any

from ganblocks.blocks import ConvBlock
from ganblocks.discriminators.chain import ChainDiscriminator, bias_of_layer
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.errors import require_count, require_flag
from ganblocks.registry import ComponentLike


@DISCRIMINATORS.register("pixel")
class PixelDiscriminator(ChainDiscriminator):
    """1×1 PatchGAN, called PixelGAN (Isola et al., CVPR 2017, sections 4.4 and 6.1.2).

    (B, in_channels, H, W) → logits (B, 1, H, W): it sees colors, but no structure. The
    defaults are those of the PyTorch port.

    Args:
        in_channels: Channels of the input, such as 6 for an RGB condition and an RGB image.
        base_channels: Channels of the first convolution (ndf); the second has twice as many.
        norm: Norm of the second layer, from `NORMS`.
        bias: Whether the first two convolutions have a bias; `"auto"` adds one where no norm
            follows, `"outer"` leaves it out in the second.
        last_bias: Whether the last convolution has a bias; in the port, only with instance norm.
        activation: Activation, from `ACTIVATIONS`.
        spectral_norm: Whether to apply spectral norm; `"inner"` only to the second layer.
        init: Weight initializer, from `INITIALIZERS`.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong channels or is smaller than
            `min_input_size`.

    Examples:
        >>> import torch
        >>> discriminator = PixelDiscriminator(6, base_channels=8)
        >>> discriminator.receptive_field.size
        (1, 1)
        >>> discriminator(torch.zeros(1, 6, 30, 41)).shape
        torch.Size([1, 1, 30, 41])
    """

    def __init__(
        self,
        in_channels: int,
        *,
        base_channels: int = 64,
        norm: ComponentLike = "batch",
        bias: bool | str = "auto",
        last_bias: bool = False,
        activation: ComponentLike = "leaky_relu",
        spectral_norm: bool | str = False,
        init: ComponentLike = "normal",
    ) -> None:
        require_count("in_channels", in_channels, 1)
        require_count("base_channels", base_channels, 1)
        require_flag("last_bias", last_bias)
        wide = 2 * base_channels
        layer: dict[str, Any] = {"kernel_size": 1, "activation": activation}
        first, second = (bias_of_layer(bias, inner=inner) for inner in (False, True))
        super().__init__(
            [
                ConvBlock(in_channels, base_channels, bias=first, **layer),
                ConvBlock(base_channels, wide, bias=second, norm=norm, **layer),
            ],
            ConvBlock(wide, 1, kernel_size=1, bias=last_bias, activation="none"),
            init=init,
            spectral_norm=spectral_norm,
        )
