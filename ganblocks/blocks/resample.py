"""Blocks that halve or double their maps, by any sampler."""

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
    """Halves height and width; norm, activation and dropout in any order with that.

    (B, in_channels, H, W) → (B, out_channels, H // 2, W // 2); a strided convolution with an odd
    kernel rounds up.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        down: What halves, from `DOWNSAMPLERS`: `"conv"`, `"pool"`, `"blur"`.
        bias: `"auto"` gives the convolution a bias where no norm comes after it.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps as words, each at most once, `conv` among them.
        spectral_norm: Whether the kernel is divided by its largest singular value.

    Raises:
        OptionError: An option is not one of those.
        ShapeError: In forward: there are other channels, or a side has a single pixel.

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
                "halved. Use a larger image or fewer halvings"
            )
        return super().forward(x)


@BLOCKS.register("up")
class UpBlock(Block):
    """Doubles height and width; norm, activation and dropout in any order with that.

    (B, in_channels, H, W) → (B, out_channels, 2 · H, 2 · W).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        up: What doubles, from `UPSAMPLERS`: `"deconv"`, `"nearest"`, `"bilinear"`,
            `"pixelshuffle"`.
        bias: `"auto"` gives the convolution a bias where no norm comes after it.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps as words, each at most once, `conv` among them.
        spectral_norm: Whether the kernel is divided by its largest singular value.

    Raises:
        OptionError: An option is not one of those.
        ShapeError: In forward: there are other channels.

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
    what: ComponentLike,
    in_channels: int,
    out_channels: int,
    bias: bool,
) -> nn.Module:
    if isinstance(what, Mapping) and "bias" in what:
        raise OptionError(
            f"{dict(what)} has a bias of its own, which the block decides: write bias="
            f"{what['bias']!r} beside it, and not into it"
        )
    try:
        return registry.build(what, in_channels, out_channels, bias=bias)
    except TypeError as error:
        if not callable(what) or isinstance(error, OptionError):
            raise
        raise OptionError(
            f"{what!r} cannot be used as one of the {registry.kind} ({error}): it is called as "
            "what(in_channels, out_channels, bias=True or False)"
        ) from error
