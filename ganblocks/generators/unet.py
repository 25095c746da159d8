"""The U-Net of pix2pix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganblocks.blocks import (
    ACTIVATIONS,
    SelfAttention,
    initialize,
    spectral_norm as with_spectral_norm,
)
from ganblocks.blocks.checkpointing import checkpointed
from ganblocks.errors import require_count, require_flag, require_image, require_one_of
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.sizes import fit_to, pad_to_multiple, require_multiple
from ganblocks.generators.unet_blocks import (
    decoder_blocks,
    encoder_blocks,
    level_channels,
    samplers_with_kernel,
)
from ganblocks.generators.unet_dialect import UNET_DIALECTS, UNetDialect, require_decoder_levels
from ganblocks.registry import ComponentLike
from ganblocks.weights import FromReference


@GENERATORS.register("unet")
class UNetGenerator(FromReference, nn.Module):
    """U-Net: an encoder that halves the image `num_downs` times, a decoder, and skip connections.

    (B, in_channels, H, W) → (B, out_channels, H, W) for any H and W. Images are in [-1, 1].
    The defaults are `unet_256` of the PyTorch port of pix2pix (Isola et al., CVPR 2017,
    section 6.1.1), 54,413,955 parameters; the presets `unet_256_lua` (the paper's own code)
    and `unet_256_tutorial` use another `dialect`.

    Args:
        in_channels: Channels of the input image.
        out_channels: Channels of the output image.
        base_channels: Channels of the first level (ngf); each level doubles them.
        max_multiplier: Maximum channels of a level, in multiples of `base_channels`.
        num_downs: Number of halvings; 8 of them reduce 256² to 1×1.
        kernel_size: Side of the strided kernels, at least 2: those of `down="conv"` and
            `up="deconv"`. Other samplers have their kernel size in their own spec.
        norm: Norm of the inner levels, from `NORMS`.
        activation: Activation of the encoder, from `ACTIVATIONS`.
        up_activation: Activation of the decoder.
        last_activation: Activation that produces the image.
        down: Down-sampler, from `DOWNSAMPLERS`: `"conv"`, `"pool"`, `"blur"`.
        up: Up-sampler, from `UPSAMPLERS`: `"deconv"`, `"nearest"`, `"bilinear"`,
            `"pixelshuffle"`.
        skip: How a skip joins the decoder: `"concat"`, `"add"` or `"none"`.
        dialect: Details in which implementations differ, such as biases and dropout levels:
            `"port"`, `"lua"`, `"tutorial"`, or a spec that changes some fields of `UNetDialect`,
            such as `{"type": "port", "bias": True}`.
        dropout: Dropout probability, in the dialect's dropout levels.
        dropout_mode: `"train"`, or `"always"` for dropout at test time too.
        attention_levels: Decoder levels with self-attention, 0 being the innermost; level n
            of a U-Net 256 on 256² has maps with sides of 2^(n + 1) pixels.
        spectral_norm: Whether to apply spectral norm to all convolutions.
        checkpointing: Whether to recompute the maps inside each level in the backward pass: less
            memory, more time.
        size_policy: `"pad"` pads to the next multiple of 2^num_downs and crops the output;
            `"match_skip"` extends each decoder map to the size of its skip by repeating its last
            row and column, and pads only sides below 2^num_downs pixels; `"strict"` raises and
            names the nearest valid sizes. Padding warns if it more than doubles a side, and raises
            above a factor of 8 (sides below 32 pixels count as 32).
        init: Weight initializer, from `INITIALIZERS`.

    Raises:
        OptionError: An argument has an invalid value, or `kernel_size` would have no effect.
        ShapeError: In forward: the image has the wrong number of channels, a size that `"strict"`
            rejects, or a size far too small for `num_downs`.

    Examples:
        >>> generator = UNetGenerator(in_channels=1, base_channels=8, num_downs=3)
        >>> generator(torch.zeros(1, 1, 30, 41)).shape
        torch.Size([1, 3, 30, 41])
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        base_channels: int = 64,
        max_multiplier: int = 8,
        num_downs: int = 8,
        kernel_size: int = 4,
        norm: ComponentLike = "batch",
        activation: ComponentLike = "leaky_relu",
        up_activation: ComponentLike = "relu",
        last_activation: ComponentLike = "tanh",
        down: ComponentLike = "conv",
        up: ComponentLike = "deconv",
        skip: str = "concat",
        dialect: ComponentLike | UNetDialect = "port",
        dropout: float = 0.5,
        dropout_mode: str = "train",
        attention_levels: Iterable[int] = (),
        spectral_norm: bool = False,
        checkpointing: bool = False,
        size_policy: str = "pad",
        init: ComponentLike = "normal",
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("out_channels", out_channels, 1)
        channels = level_channels(base_channels, max_multiplier, num_downs)
        require_one_of("skip", skip, ("concat", "add", "none"))
        require_one_of("size_policy", size_policy, ("pad", "match_skip", "strict"))
        require_flag("spectral_norm", spectral_norm)
        require_flag("checkpointing", checkpointing)
        down, up = samplers_with_kernel(down, up, kernel_size)
        if not isinstance(dialect, UNetDialect):
            dialect = UNET_DIALECTS.build(dialect)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_downs = num_downs
        self.skip = skip
        self.dialect = dialect
        self.checkpointing = checkpointing
        self.size_policy = size_policy
        self.down = encoder_blocks(
            [in_channels, *channels], dialect, down, norm, activation, up_activation
        )
        sides = [*reversed(channels), out_channels]
        self.up = decoder_blocks(
            sides, dialect, up, norm, up_activation, skip, dropout, dropout_mode
        )
        levels = require_decoder_levels("attention_levels", attention_levels, num_downs)
        self.attention = nn.ModuleDict({str(n): SelfAttention(sides[n + 1]) for n in levels})
        self.last_activation = ACTIVATIONS.build(last_activation)
        initialize(self, init)
        if spectral_norm:
            with_spectral_norm(self)

    @classmethod
    def for_size(cls, height: int, width: int, **options: Any) -> Self:
        """Builds the deepest U-Net for images of this size, with at most 8 halvings.

        The innermost map keeps at least one pixel of the shorter side.

        Args:
            height: Height of the images in pixels.
            width: Width of the images in pixels.
            **options: The other arguments.

        Raises:
            OptionError: A side is below 1, or an argument has an invalid value.

        Examples:
            >>> UNetGenerator.for_size(96, 200, base_channels=4).num_downs
            6
        """
        for what, value in [("height", height), ("width", width)]:
            require_count(what, value, 1)
        return cls(**{"num_downs": min(8, max(1, min(height, width).bit_length() - 1)), **options})

    @property
    def size_multiple(self) -> int:
        """The multiple to which both sides of an image are padded."""
        return 1 << self.num_downs

    @property
    def last_layer(self) -> nn.Parameter:
        """The last convolution's weight, which adaptive weights use to compare gradients."""
        return [p for p in self.up[-1].parameters() if p.dim() > 1][-1]

    def forward(self, x: Tensor) -> Tensor:
        """Translates images (B, in_channels, H, W) into images (B, out_channels, H, W).

        Args:
            x: Images in [-1, 1].
        """
        require_image("UNetGenerator", x, self.in_channels, network=self)
        height, width = x.shape[-2:]
        if self.size_policy == "pad":
            x = pad_to_multiple(x, self.size_multiple)
        elif self.size_policy == "strict":
            require_multiple(height, width, self.size_multiple)
        else:
            x = pad_to_multiple(x, 1, least=self.size_multiple)

        skips = []
        for block in self.down:
            x = self._level([block], x)
            skips.append(x)
        skips.pop()  # the bottleneck is the decoder's input, not a skip
        for level, block in enumerate(self.up):
            attention = [self.attention[str(level)]] if str(level) in self.attention else []
            x = self._level([block, *attention], x, skips.pop() if level else None)
        image: Tensor = self.last_activation(x)
        return fit_to(image, height, width)

    def _level(self, modules: list[nn.Module], x: Tensor, skip: Tensor | None = None) -> Tensor:
        def run(x: Tensor, skip: Tensor | None) -> Tensor:
            if skip is not None:
                x = self._join(x, skip)
            for module in modules:
                x = module(x)
            return x

        if self.checkpointing and torch.is_grad_enabled():
            return checkpointed(modules, run, x, skip)
        return run(x, skip)

    def _join(self, x: Tensor, skip: Tensor) -> Tensor:
        x = fit_to(x, *skip.shape[-2:])
        if self.skip == "none":
            return x
        if self.skip == "add":
            return x + skip
        return torch.cat((skip, x) if self.dialect.concat_order == "skip_first" else (x, skip), 1)
