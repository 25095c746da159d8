"""The residual block."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ganblocks.blocks.conv import ConvBlock
from ganblocks.blocks.padding import require_odd
from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import require_at_least
from ganblocks.registry import ComponentLike


@BLOCKS.register("residual")
class ResidualBlock(nn.Module):
    """Two convolutions, added to the input (He et al., 2016).

    y = shortcut(x) + norm(conv(dropout(activation(norm(conv(x)))))), with no activation after
    the sum, as in Johnson et al. (ECCV 2016) and the PyTorch port of CycleGAN.
    (B, in_channels, H, W) → (B, out_channels, H, W).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; if they differ from the input's, the shortcut is a 1×1
            convolution.
        kernel_size: Side length of the kernels, odd.
        padding_mode: How to pad, from `PADDINGS`.
        bias: `"auto"` adds a bias only where no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value between the two convolutions; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        spectral_norm: Whether to apply spectral norm to the convolutions.
        res_scale: Scales what is added to the shortcut.

    Raises:
        OptionError: An option has an invalid value.
        ShapeError: In forward: the channels differ, or the map is too small for `padding_mode`.

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
        res_scale: float = 1.0,
    ) -> None:
        super().__init__()
        require_odd(kernel_size)
        require_at_least("res_scale", res_scale, 0)
        self.res_scale = res_scale
        self.in_channels = in_channels
        self.out_channels = out_channels
        conv: dict[str, Any] = {"bias": bias, "spectral_norm": spectral_norm}
        padded = conv | {"kernel_size": kernel_size, "padding_mode": padding_mode, "norm": norm}
        self.first = ConvBlock(
            in_channels,
            out_channels,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            **padded,
        )
        self.second = ConvBlock(out_channels, out_channels, activation="none", **padded)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = ConvBlock(
                in_channels, out_channels, kernel_size=1, activation="none", **conv
            )

    def forward(self, x: Tensor) -> Tensor:
        """Transforms a batch of feature maps.

        Args:
            x: Maps (B, in_channels, H, W).
        """
        added = self.second(self.first(x))
        if self.res_scale != 1:
            added = self.res_scale * added
        result: Tensor = self.shortcut(x) + added
        return result
