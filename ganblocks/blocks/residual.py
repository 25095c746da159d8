"""The residual block."""

from __future__ import annotations

from torch import Tensor, nn

from ganblocks.blocks.conv import ConvBlock
from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import OptionError, require_count
from ganblocks.registry import ComponentLike


@BLOCKS.register("residual")
class ResidualBlock(nn.Module):
    """Two convolutions, added to what came in (He et al., 2016).

    y = shortcut(x) + norm(conv(dropout(activation(norm(conv(x)))))), with no activation after
    the sum, as Johnson et al. (ECCV 2016) and the PyTorch port of CycleGAN have it.
    (B, in_channels, H, W) → (B, out_channels, H, W).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; where they differ from the input's, the shortcut
            is a 1×1 convolution.
        kernel_size: Side of the kernels in pixels, odd.
        padding_mode: What is added at the border, from `PADDINGS`.
        bias: `"auto"` gives the convolutions a bias where no norm comes after them.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value between the two; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        spectral_norm: Whether the kernels are divided by their largest singular value.

    Raises:
        OptionError: An option is not one of those.
        ShapeError: In forward: there are other channels, or too few pixels for `padding_mode`.

    Examples:
        >>> import torch
        >>> ResidualBlock(8, 8, norm="instance")(torch.zeros(1, 8, 5, 7)).shape
        torch.Size([1, 8, 5, 7])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        padding_mode: ComponentLike = "zeros",
        bias: bool | str = "auto",
        norm: ComponentLike = "none",
        activation: ComponentLike = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        require_count("kernel_size", kernel_size, 1)
        if kernel_size % 2 == 0:
            raise OptionError(
                f"kernel_size {kernel_size} of a residual block cannot keep the size: write an "
                "odd one"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.first = ConvBlock(
            in_channels,
            out_channels,
            kernel_size=kernel_size,
            padding_mode=padding_mode,
            bias=bias,
            norm=norm,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            spectral_norm=spectral_norm,
        )
        self.second = ConvBlock(
            out_channels,
            out_channels,
            kernel_size=kernel_size,
            padding_mode=padding_mode,
            bias=bias,
            norm=norm,
            activation="none",
            spectral_norm=spectral_norm,
        )
        self.shortcut = (
            nn.Identity()
            if in_channels == out_channels
            else ConvBlock(
                in_channels,
                out_channels,
                kernel_size=1,
                bias=bias,
                activation="none",
                spectral_norm=spectral_norm,
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transforms a batch of feature maps.

        Args:
            x: Maps (B, in_channels, H, W).
        """
        result: Tensor = self.shortcut(x) + self.second(self.first(x))
        return result
