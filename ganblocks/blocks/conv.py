"""The conv and deconv blocks from which the networks are made."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from ganblocks.blocks.activation import ACTIVATIONS
from ganblocks.blocks.dropout import Dropout
from ganblocks.blocks.norm import NORMS
from ganblocks.errors import OptionError, listed, require_at_least, require_one_of
from ganblocks.registry import Knob, Registry

BLOCKS: Registry[nn.Module] = Registry("blocks")
"""Blocks by name; each is built as `BLOCKS.build(name, in_channels, out_channels)`."""

STEPS = ("conv", "norm", "activation", "dropout")
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _Block(nn.Module):
    """A convolution of some kind with norm, activation and dropout in a chosen order."""

    def __init__(
        self,
        conv: nn.Conv2d | nn.ConvTranspose2d,
        norm: nn.Module,
        activation: Knob,
        dropout: float,
        dropout_mode: str,
        order: str,
    ) -> None:
        super().__init__()
        made = {
            "conv": conv,
            "norm": norm,
            "activation": ACTIVATIONS.build(activation),
            "dropout": Dropout(dropout, mode=dropout_mode) if dropout else nn.Identity(),
        }
        self.order = tuple(s for s in order.split() if not isinstance(made[s], nn.Identity))
        for step in self.order:
            self.add_module(step, made[step])

    def forward(self, x: Tensor) -> Tensor:
        """Applies the steps in their order."""
        for step in self.order:
            x = getattr(self, step)(x)
        return x


@BLOCKS.register("conv")
class ConvBlock(_Block):
    """Convolution, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, H', W'), where with the default padding H' is
    H / stride for every H that stride divides, if the kernel is odd or the stride above 1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel in pixels.
        stride: Step of the kernel in pixels.
        padding: Pixels added on each side; `"auto"` is (kernel_size − 1) // 2.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        bias: `"auto"` gives the convolution a bias where no norm comes after it.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps as words, each at most once, `conv` among them.

    Raises:
        OptionError: An option is not one of those.

    Example:
        >>> import torch
        >>> ConvBlock(3, 64, kernel_size=4, stride=2, norm="batch")(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 64, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | str = "auto",
        padding_mode: PaddingMode = "zeros",
        bias: bool | str = "auto",
        norm: Knob = "none",
        activation: Knob = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = "conv norm activation dropout",
    ) -> None:
        require_one_of("padding_mode", padding_mode, get_args(PaddingMode))
        built_norm = _norm(norm, in_channels, out_channels, order)
        conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            (kernel_size - 1) // 2 if padding == "auto" else padding,
            bias=_bias(bias, built_norm, order),
            padding_mode=padding_mode,
        )
        super().__init__(conv, built_norm, activation, dropout, dropout_mode, order)


@BLOCKS.register("deconv")
class DeconvBlock(_Block):
    """Transposed convolution, norm, activation and dropout, in any order.

    (B, in_channels, H, W) → (B, out_channels, stride · H, stride · W) exactly, for every
    kernel size that is at least the stride; with stride 1 it must be odd.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel in pixels; a multiple of the stride leaves no
            checkerboard.
        stride: Factor of enlargement.
        bias: `"auto"` gives the convolution a bias where no norm comes after it.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"`, or `"always"` for dropout in eval mode too.
        order: The steps as words, each at most once, `conv` among them.

    Raises:
        OptionError: An option is not one of those.

    Example:
        >>> import torch
        >>> DeconvBlock(64, 3, norm="batch")(torch.zeros(2, 64, 4, 4)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 4,
        stride: int = 2,
        bias: bool | str = "auto",
        norm: Knob = "none",
        activation: Knob = "relu",
        dropout: float = 0.0,
        dropout_mode: str = "train",
        order: str = "conv norm activation dropout",
    ) -> None:
        require_at_least("kernel_size", kernel_size, stride)
        if stride == 1 and kernel_size % 2 == 0:
            raise OptionError(
                f"kernel_size {kernel_size} with stride 1 cannot keep the size: write an odd one"
            )
        built_norm = _norm(norm, in_channels, out_channels, order)
        padding = (kernel_size - stride + 1) // 2
        conv = nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding=2 * padding + stride - kernel_size,
            bias=_bias(bias, built_norm, order),
        )
        super().__init__(conv, built_norm, activation, dropout, dropout_mode, order)


def _norm(norm: Knob, in_channels: int, out_channels: int, order: str) -> nn.Module:
    """Builds the norm for the channels that reach it in this order."""
    steps = order.split()
    if "conv" not in steps or len(set(steps)) < len(steps) or not set(steps) <= set(STEPS):
        raise OptionError(
            f"order is {order!r}: write conv and any of {listed(STEPS)} in the order in which "
            "they come, each once, such as 'activation conv norm dropout'"
        )
    channels = out_channels if _norm_follows(order) else in_channels
    return NORMS.build(norm if "norm" in steps else "none", channels)


def _norm_follows(order: str) -> bool:
    steps = order.split()
    return "norm" in steps and steps.index("norm") > steps.index("conv")


def _bias(bias: bool | str, norm: nn.Module, order: str) -> bool:
    """Resolves `"auto"`: a norm that comes after the convolution would cancel its bias."""
    if isinstance(bias, bool):
        return bias
    require_one_of("bias", bias, ("auto",))
    return isinstance(norm, nn.Identity) or not _norm_follows(order)
