"""An autoencoder of R3GAN's blocks, with a Gaussian code by default."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks import BLOCKS, Conv2d, initialize
from ganblocks.blocks.bottleneck import LINEAR_INIT, bottleneck_stages, stage_widths
from ganblocks.errors import MOST_LEVELS, require_count, require_image
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.sizes import fit_to, pad_to_multiple
from ganblocks.registry import ComponentLike


class KLBottleneck(nn.Module):
    """The Gaussian code: means μ and log-variances (B, 2 · channels, h, w) → (B, channels, h, w).

    A sample μ + σ · ε in train mode, μ in eval mode. The term `kl` is ½ Σ(μ² + σ² − 1 − log σ²),
    summed over the code, mean over the batch. The log-variance is clamped to [-30, 20].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_channels = 2 * channels

    def forward(
        self, x: Tensor, with_terms: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Returns the code, or (code, terms); terms are float32 or wider."""
        code, log_variance = x.to(torch.promote_types(x.dtype, torch.float32)).chunk(2, 1)
        log_variance = log_variance.clamp(-30, 20)
        kl = 0.5 * (code**2 + log_variance.exp() - 1 - log_variance).sum() / x.shape[0]
        if self.training:
            # Not randn_like, whose draws depend on the memory format.
            noise = torch.randn(code.shape, dtype=code.dtype, device=code.device)
            code = code + (0.5 * log_variance).exp() * noise
        code = code.to(x.dtype)
        return (code, {"kl": kl}) if with_terms else code


@GENERATORS.register("autoencoder")
class Autoencoder(nn.Module):
    """Encodes images to a code of 1 / 2^num_downs the size, and decodes it.

    (B, in_channels, H, W) → the same for any H and W. Encoder and decoder are stages of
    `BottleneckBlock`, after and before 3×3 convolutions. By default it is a variational
    autoencoder, as in latent diffusion (Kingma and Welling, ICLR 2014; Rombach et al., CVPR 2022,
    section 3.1): a Gaussian code, sampled in train mode, and its divergence as the term `kl`.

    Args:
        in_channels: Channels of both images.
        code_channels: Channels of the code.
        bottleneck: A block, from `BLOCKS` or a class, for another kind of code, such as a vector
            quantizer; None for the Gaussian code. It is built with `code_channels`, maps (B,
            `in_channels`, h, w) to the code, and returns (code, loss terms) if `with_terms=True`.
        num_downs: Number of halvings.
        base_channels: Channels at full size; each halving doubles them.
        max_multiplier: Maximum channels of a stage, in multiples of `base_channels`.
        n_blocks: Blocks per stage.
        group_channels: As in `BottleneckBlock`.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong channels.

    Examples:
        >>> network = Autoencoder(base_channels=8)
        >>> network.encode(torch.zeros(1, 3, 30, 41)).shape
        torch.Size([1, 4, 8, 11])
        >>> image, terms = network(torch.zeros(1, 3, 30, 41), with_terms=True)
        >>> image.shape, list(terms)
        (torch.Size([1, 3, 30, 41]), ['kl'])
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        code_channels: int = 4,
        bottleneck: ComponentLike | None = None,
        num_downs: int = 2,
        base_channels: int = 64,
        max_multiplier: int = 8,
        n_blocks: int = 2,
        group_channels: int = 16,
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("code_channels", code_channels, 1)
        require_count("num_downs", num_downs, 0, MOST_LEVELS)
        self.in_channels = self.out_channels = in_channels
        self.code_channels = code_channels
        self.num_downs = num_downs
        widths = stage_widths(4 << num_downs, base_channels, max_multiplier)
        code = KLBottleneck if bottleneck is None else bottleneck
        self.bottleneck = BLOCKS.build(code, code_channels)
        inside: Any = getattr(self.bottleneck, "in_channels", code_channels)
        stages = {"n_blocks": n_blocks, "group_channels": group_channels}
        self.encoder = nn.Sequential(
            Conv2d(in_channels, widths[0], 3, padding=1),
            *bottleneck_stages(widths, "down", **stages),
            Conv2d(widths[-1], inside, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            Conv2d(code_channels, widths[-1], 3, padding=1),
            *bottleneck_stages(widths[::-1], "up", **stages),
            Conv2d(widths[0], in_channels, 3, padding=1),
        )
        initialize(self, LINEAR_INIT)

    @property
    def size_multiple(self) -> int:
        """The multiple to which both sides of an image are padded."""
        return 1 << self.num_downs

    @property
    def last_layer(self) -> nn.Parameter:
        """The last convolution's weight, which adaptive weights use to compare gradients."""
        return self.decoder[-1].weight  # type: ignore[return-value]

    def forward(
        self, x: Tensor, with_terms: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Reconstructs images.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
            with_terms: Whether to return (images, the bottleneck's loss terms).
        """
        code, terms = self.bottleneck(self._encoded(x), with_terms=True)
        image = fit_to(self.decode(code), *x.shape[-2:])
        return (image, terms) if with_terms else image

    def encode(self, x: Tensor) -> Tensor:
        """Encodes images to codes (B, code_channels, ⌈H / 2^num_downs⌉, ⌈W / 2^num_downs⌉).

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
        """
        code: Tensor = self.bottleneck(self._encoded(x))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Decodes codes to images of 2^num_downs times the size.

        Args:
            code: Codes (B, code_channels, h, w).

        Raises:
            OptionError: The codes do not have the dtype of the weights.
            ShapeError: The codes have the wrong channels.

        Examples:
            >>> Autoencoder(base_channels=8).decode(torch.zeros(1, 4, 8, 11)).shape
            torch.Size([1, 3, 32, 44])
        """
        require_image("Autoencoder.decode", code, self.code_channels, "code_channels", network=self)
        image: Tensor = self.decoder(code)
        return image

    def _encoded(self, x: Tensor) -> Tensor:
        require_image("Autoencoder", x, self.in_channels, network=self)
        maps: Tensor = self.encoder(pad_to_multiple(x, self.size_multiple))
        return maps
