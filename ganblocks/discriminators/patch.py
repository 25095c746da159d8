"""The PatchGAN: a discriminator with one logit per patch."""

from __future__ import annotations

from typing import Any, Self

from ganblocks.blocks import ConvBlock
from ganblocks.discriminators.chain import ChainDiscriminator, bias_of_layer
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.errors import MOST_LEVELS, OptionError, require_count, require_flag
from ganblocks.registry import ComponentLike

MAX_LAYERS = 16


def field_of_layers(n_layers: int, kernel_size: int = 4) -> int:
    """Returns the side of a PatchGAN's patches: 1 + (k − 1)(3 · 2ⁿ − 1).

    Examples:
        >>> [field_of_layers(n) for n in range(1, 7)]
        [16, 34, 70, 142, 286, 574]
    """
    return 1 + (kernel_size - 1) * (3 * (1 << n_layers) - 1)


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(ChainDiscriminator):
    """PatchGAN (Isola et al., CVPR 2017, sections 3.2.2 and 6.1.2).

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded: no sigmoid or norm follows
    the last convolution. For conditional use, `in_channels` counts condition and image, and
    the input is `torch.cat((condition, image), 1)`.

    With the default kernel, n_layers 1, 2, 3, 4, 5 give receptive fields of 16, 34, 70, 142
    and 286 pixels; on 256² they score 126², 62², 30², 14² and 6² patches.

    Args:
        in_channels: Channels of the input, such as 6 for an RGB condition and an RGB image.
        base_channels: Channels of the first convolution (ndf); each layer doubles them.
        n_layers: Convolutions of stride 2; 3 is the 70×70 PatchGAN.
        max_multiplier: Maximum channels of a layer, in multiples of `base_channels`.
        kernel_size: Side of every kernel in pixels.
        padding: Padding of every convolution in pixels; `"auto"` is
            (kernel_size − 1) // 2. It does not change the receptive field.
        norm: Norm of the inner layers, from `NORMS`; the first and last have none.
        bias: Whether the convolutions have a bias; `"auto"` adds one where no norm follows,
            `"outer"` leaves it out in the inner layers. The last convolution always has one.
        activation: Activation, from `ACTIVATIONS`.
        spectral_norm: Whether to apply spectral norm; `"inner"` only to the inner layers, as in
            SPADE.
        checkpointing: Whether to recompute the maps inside each block in the backward pass: less
            memory, more time.
        init: Weight initializer, from `INITIALIZERS`.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong channels or is smaller than
            `min_input_size`.

    Examples:
        >>> import torch
        >>> discriminator = PatchDiscriminator(6, base_channels=8)
        >>> discriminator.receptive_field.size
        (70, 70)
        >>> discriminator(torch.zeros(1, 6, 256, 256)).shape
        torch.Size([1, 1, 30, 30])
    """

    remedy = "Enlarge the image or use fewer n_layers"

    def __init__(
        self,
        in_channels: int,
        *,
        base_channels: int = 64,
        n_layers: int = 3,
        max_multiplier: int = 8,
        kernel_size: int = 4,
        padding: int | str = "auto",
        norm: ComponentLike = "batch",
        bias: bool | str = "auto",
        activation: ComponentLike = "leaky_relu",
        spectral_norm: bool | str = False,
        checkpointing: bool = False,
        init: ComponentLike = "normal",
    ) -> None:
        require_count("in_channels", in_channels, 1)
        require_count("base_channels", base_channels, 1)
        require_count("n_layers", n_layers, 1, MOST_LEVELS)
        require_count("max_multiplier", max_multiplier, 1)
        require_count("kernel_size", kernel_size, 1)
        channels = [base_channels * min(2**i, max_multiplier) for i in range(n_layers + 1)]
        kernel: dict[str, Any] = {"kernel_size": kernel_size, "padding": padding}
        super().__init__(
            [
                ConvBlock(
                    channels[i - 1] if i else in_channels,
                    out,
                    stride=2 if i < n_layers else 1,
                    bias=bias_of_layer(bias, inner=i > 0),
                    norm=norm if i else "none",
                    activation=activation,
                    **kernel,
                )
                for i, out in enumerate(channels)
            ],
            ConvBlock(channels[-1], 1, activation="none", **kernel),
            init=init,
            spectral_norm=spectral_norm,
            checkpointing=checkpointing,
        )
        self.n_layers = n_layers

    @classmethod
    def from_receptive_field(
        cls, receptive_field: int, in_channels: int, *, nearest: bool = False, **options: Any
    ) -> Self:
        """Builds the PatchGAN with this receptive field.

        With kernels of k pixels and n layers it is r = 1 + (k − 1)(3 · 2ⁿ − 1).

        Args:
            receptive_field: Side of the patch, in pixels.
            in_channels: Channels of the input.
            nearest: Whether to accept the nearest size if none is exact.
            **options: The other arguments, except `n_layers`.

        Raises:
            OptionError: No PatchGAN has that receptive field; the message names the nearest two.

        Examples:
            >>> PatchDiscriminator.from_receptive_field(34, 6, base_channels=8).n_layers
            2
        """
        require_count("receptive_field", receptive_field, 1)
        require_flag("nearest", nearest)
        if "n_layers" in options:
            raise OptionError("from_receptive_field determines n_layers: leave it out")
        kernel_size = options.get("kernel_size", 4)
        require_count("kernel_size", kernel_size, 2)
        sides = {n: field_of_layers(n, kernel_size) for n in range(1, MAX_LAYERS + 1)}
        ranked = sorted(sides, key=lambda n: (abs(sides[n] - receptive_field), n))
        if sides[ranked[0]] != receptive_field and not nearest:
            below = [n for n in sides if sides[n] < receptive_field][-1:]
            above = [n for n in sides if sides[n] > receptive_field][:1]
            near = " and ".join(f"{sides[n]} (n_layers={n})" for n in below + above)
            raise OptionError(
                f"receptive_field is {receptive_field}: with kernel_size={kernel_size} the nearest "
                f"are {near}. Write one of these, or nearest=True for {sides[ranked[0]]}",
                see="which-n-layers",
            )
        return cls(in_channels, n_layers=ranked[0], **options)
