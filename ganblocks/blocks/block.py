"""Base class of the blocks: a convolution with norm, activation and dropout in a chosen order."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ganblocks.blocks.activation import ACTIVATIONS
from ganblocks.blocks.dropout import DROPOUT_MODES, Dropout
from ganblocks.blocks.norm import NORMS
from ganblocks.blocks.spectral import spectral_norm as with_spectral_norm
from ganblocks.errors import (
    OptionError,
    listed,
    not_one_of,
    require_count,
    require_flag,
    require_fraction,
    require_image,
    require_one_of,
)
from ganblocks.registry import ComponentLike

STEPS = ("conv", "norm", "activation", "dropout")
ORDER = "conv norm activation dropout"


class Block(nn.Module):
    """A convolution of some kind with norm, activation and dropout in a chosen order.

    Args:
        conv: Factory `(bias) -> module` of the convolution.
        in_channels: Channels of the input.
        out_channels: Channels of the convolution's output.
        bias: True, False, or `"auto"` for True only if no norm follows the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"` or `"always"`.
        order: The steps, each at most once, `conv` included.
        spectral_norm: Whether to apply spectral norm to the convolution.
        pad: Module to run right before the convolution.

    Raises:
        OptionError: An option has an invalid value.
    """

    def __init__(
        self,
        conv: Callable[[bool], nn.Module],
        in_channels: int,
        out_channels: int,
        *,
        bias: bool | str,
        norm: ComponentLike,
        activation: ComponentLike,
        dropout: float,
        dropout_mode: str,
        order: str,
        spectral_norm: bool = False,
        pad: nn.Module | None = None,
    ) -> None:
        super().__init__()
        for what, value in [("in_channels", in_channels), ("out_channels", out_channels)]:
            require_count(what, value, 1)
        require_flag("spectral_norm", spectral_norm)
        require_fraction("dropout", dropout)
        require_one_of("dropout_mode", dropout_mode, DROPOUT_MODES)
        self.in_channels = in_channels
        self.out_channels = out_channels
        steps = _steps(order)
        norm_follows = "norm" in steps and steps.index("norm") > steps.index("conv")
        built_norm = NORMS.build(norm, out_channels if norm_follows else in_channels)
        for step, used in [("norm", not isinstance(built_norm, nn.Identity)), ("dropout", dropout)]:
            if used and step not in steps:
                raise OptionError(
                    f"{step} is missing from order={order!r}, so it would have no effect: add it"
                )
        if not isinstance(bias, bool):
            if bias != "auto":
                raise OptionError(f"{not_one_of('bias', bias, ['auto'])}, True or False")
            bias = isinstance(built_norm, nn.Identity) or not norm_follows
        modules = {
            "pad": pad or nn.Identity(),
            "conv": conv(bias),
            "norm": built_norm,
            "activation": ACTIVATIONS.build(activation),
            "dropout": Dropout(dropout, mode=dropout_mode) if dropout else nn.Identity(),
        }
        if spectral_norm:
            with_spectral_norm(modules["conv"])
        steps.insert(steps.index("conv"), "pad")
        self.order = tuple(step for step in steps if not isinstance(modules[step], nn.Identity))
        for step in self.order:
            self.add_module(step, modules[step])

    def forward(self, x: Tensor) -> Tensor:
        """Applies the steps in their order.

        Args:
            x: Maps (B, in_channels, H, W).

        Raises:
            ShapeError: The map has a different number of channels.
        """
        require_image(type(self).__name__, x, self.in_channels)
        for step in self.order:
            x = getattr(self, step)(x)
        return x


def _steps(order: str) -> list[str]:
    steps = order.split() if isinstance(order, str) else []
    if "conv" not in steps or len(set(steps)) < len(steps) or not set(steps) <= set(STEPS):
        raise OptionError(
            f"order is {order!r}: write conv and any others of {listed(STEPS)} once each, in the "
            "order in which they run, such as 'activation conv norm dropout'"
        )
    return steps
