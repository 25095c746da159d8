"""What the blocks share: a convolution with norm, activation and dropout in a chosen order."""

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
        conv: Makes the convolution, told whether it has a bias.
        in_channels: Channels of the input.
        out_channels: Channels that the convolution makes.
        bias: True, False, or `"auto"` for one where no norm comes after the convolution.
        norm: Name, spec or factory from `NORMS`.
        activation: Name, spec or factory from `ACTIVATIONS`.
        dropout: Probability of dropping a value; 0 for none.
        dropout_mode: `"train"` or `"always"`.
        order: The steps as words, each at most once, `conv` among them.
        spectral_norm: Whether the kernel is divided by its largest singular value.
        pad: What comes right before the convolution.

    Raises:
        OptionError: An option is not one of those.
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
                    f"{step} would do nothing: order is {order!r}. Write {step} into it"
                )
        if not isinstance(bias, bool):
            if bias != "auto":
                raise OptionError(f"{not_one_of('bias', bias, ['auto'])}, True or False")
            bias = isinstance(built_norm, nn.Identity) or not norm_follows
        made = {
            "pad": pad or nn.Identity(),
            "conv": conv(bias),
            "norm": built_norm,
            "activation": ACTIVATIONS.build(activation),
            "dropout": Dropout(dropout, mode=dropout_mode) if dropout else nn.Identity(),
        }
        if spectral_norm:
            with_spectral_norm(made["conv"])
        steps.insert(steps.index("conv"), "pad")
        self.order = tuple(step for step in steps if not isinstance(made[step], nn.Identity))
        for step in self.order:
            self.add_module(step, made[step])

    def forward(self, x: Tensor) -> Tensor:
        """Applies the steps in their order.

        Args:
            x: Maps (B, in_channels, H, W).

        Raises:
            ShapeError: The map has other channels.
        """
        require_image(type(self).__name__, x.shape, self.in_channels)
        for step in self.order:
            x = getattr(self, step)(x)
        return x


def _steps(order: str) -> list[str]:
    steps = order.split() if isinstance(order, str) else []
    if "conv" not in steps or len(set(steps)) < len(steps) or not set(steps) <= set(STEPS):
        raise OptionError(
            f"order is {order!r}: write conv and any of {listed(STEPS)} in the order in which "
            "they come, each once, such as 'activation conv norm dropout'"
        )
    return steps
