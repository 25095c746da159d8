"""Blocks that halve or double height and width, with any sampler."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ganblocks.blocks.block import ORDER, Block
from ganblocks.blocks.down import DOWNSAMPLERS
from ganblocks.blocks.registry import BLOCKS
from ganblocks.blocks.up import UPSAMPLERS
from ganblocks.errors import OptionError, ShapeError
from ganblocks.registry import ComponentLike, Registry


@BLOCKS.register("down")
class DownBlock(Block):
    """Down-sampler, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2); a strided convolution with an odd
    kernel rounds up.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        down: Name, spec or factory from `DOWNSAMPLERS`: `"conv"`, `"pool"`, `"blur"`.
        bias: `"auto"` adds a bias only if no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps, each at most once, `conv` included.
        spectral_norm: Whether to apply spectral norm to the convolution.

    Raises:
        OptionError: An option has an invalid value.
        ShapeError: In forward: the channels differ, or a side has a single pixel.

    Examples:
        >>> import torch
        >>> DownBlock(3, 8, down="blur", norm="instance")(torch.zeros(1, 3, 8, 8)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        down: ComponentLike = "conv",
        bias: bool | str = "auto",
        norm: ComponentLike = "none",
        activation: ComponentLike = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = ORDER,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(
            lambda bias: _sampler(DOWNSAMPLERS, down, in_channels, out_channels, bias),
            in_channels,
            out_channels,
            bias=bias,
            norm=norm,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            order=order,
            spectral_norm=spectral_norm,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Applies the steps in their order.

        Args:
            x: Maps (B, in_channels, H, W), at least 2×2.
        """
        if min(x.shape[-2:]) < 2:
            raise ShapeError(
                f"DownBlock got a map of shape {tuple(x.shape)}: a side of one pixel cannot be "
                "halved. Use a larger image or fewer down-samplers"
            )
        return super().forward(x)


@BLOCKS.register("up")
class UpBlock(Block):
    """Up-sampler, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, 2 · H, 2 · W).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        up: Name, spec or factory from `UPSAMPLERS`: `"deconv"`, `"nearest"`, …
        bias: `"auto"` adds a bias only if no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps, each at most once, `conv` included.
        spectral_norm: Whether to apply spectral norm to the convolution.

    Raises:
        OptionError: An option has an invalid value.
        ShapeError: In forward: the channels differ.

    Examples:
        >>> import torch
        >>> UpBlock(8, 3, up="pixelshuffle", activation="tanh")(torch.zeros(1, 8, 4, 4)).shape
        torch.Size([1, 3, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        up: ComponentLike = "deconv",
        bias: bool | str = "auto",
        norm: ComponentLike = "none",
        activation: ComponentLike = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = ORDER,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(
            lambda bias: _sampler(UPSAMPLERS, up, in_channels, out_channels, bias),
            in_channels,
            out_channels,
            bias=bias,
            norm=norm,
            activation=activation,
            dropout=dropout,
            dropout_mode=dropout_mode,
            order=order,
            spectral_norm=spectral_norm,
        )


def _sampler(
    registry: Registry[nn.Module],
    sampler: ComponentLike,
    in_channels: int,
    out_channels: int,
    bias: bool,
) -> nn.Module:
    if isinstance(sampler, Mapping) and "bias" in sampler:
        raise OptionError(
            f"{dict(sampler)} sets its own bias, but the block decides that: pass "
            f"bias={sampler['bias']!r} to the block instead"
        )
    return registry.build(sampler, in_channels, out_channels, bias=bias)
