"""The U-Net of pix2pix, every choice a knob."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganblocks.blocks import ACTIVATIONS, ConvBlock, DeconvBlock, initialize
from ganblocks.blocks.dropout import DROPOUT_MODES
from ganblocks.errors import (
    OptionError,
    require_at_least,
    require_fraction,
    require_image,
    require_one_of,
)
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.sizes import SIZE_POLICIES, pad_to_multiple, require_multiple
from ganblocks.registry import Knob


@GENERATORS.register("unet")
class UNetGenerator(nn.Module):
    """U-Net with skips: an encoder that halves the image `num_downs` times, and back.

    (B, in_channels, H, W) → (B, out_channels, H, W) for any H and W. Images are in [-1, 1].
    The defaults are `unet_256` of the PyTorch port of pix2pix (Isola et al., CVPR 2017,
    section 6.1.1), 54,413,955 parameters; the presets `unet_256_lua` (the paper's own code)
    and `unet_256_tutorial` set the knobs in which the dialects differ.

    Args:
        in_channels: Channels of the input image.
        out_channels: Channels of the output image.
        base_channels: Channels of the first level (ngf); each level doubles them.
        max_multiplier: Most that a level may have, in multiples of `base_channels`.
        num_downs: How often the image is halved; 8 brings 256² down to 1×1.
        kernel_size: Side of every kernel, at least 2.
        norm: Norm of the inner levels, from `NORMS`.
        bottleneck_norm: Norm of the innermost convolution. At batch 1 a norm over a 1×1 map
            leaves nothing, which is why the default is `"none"`.
        last_norm: Norm before the last activation.
        bias: Whether the convolutions have a bias; `"auto"` where no norm follows.
        last_bias: The same for the last deconvolution.
        activation: Activation of the encoder, from `ACTIVATIONS`.
        up_activation: Activation of the decoder.
        last_activation: Activation that makes the image.
        skip: How a skip joins the decoder: `"concat"`, `"add"` or `"none"`.
        skip_features: What is skipped: the encoder's `"activated"` maps, or the `"raw"` ones
            before their activation.
        decoder_activation: Where the decoder activates: `"after_join"`, before each
            deconvolution and so over the skip too, or `"before_join"`, over its own maps alone.
        concat_order: `"skip_first"` or `"decoder_first"`.
        dropout: Probability of dropping a value in the decoder's dropout levels.
        dropout_levels: Decoder levels with dropout, 0 being the innermost; `"port"` is the
            port's choice, 1 to num_downs − 5, and `"paper"` the three innermost.
        dropout_mode: `"train"`, or `"always"` for dropout at test time too.
        size_policy: `"pad"` pads to the next multiple of 2^num_downs and crops the output;
            `"strict"` raises and names the nearest valid sizes.
        init: How the weights begin, from `INITIALIZERS`.

    Raises:
        OptionError: A knob has a value that is not allowed.
        ShapeError: In forward: the image has other channels, or a size that `"strict"` refuses.

    Example:
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
        norm: Knob = "batch",
        bottleneck_norm: Knob = "none",
        last_norm: Knob = "none",
        bias: bool | str = False,
        last_bias: bool | str = "auto",
        activation: Knob = "leaky_relu",
        up_activation: Knob = "relu",
        last_activation: Knob = "tanh",
        skip: str = "concat",
        skip_features: str = "activated",
        decoder_activation: str = "after_join",
        concat_order: str = "skip_first",
        dropout: float = 0.5,
        dropout_levels: Sequence[int] | str = "port",
        dropout_mode: str = "train",
        size_policy: str = "pad",
        init: Knob = "normal",
    ) -> None:
        super().__init__()
        for what, value in [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("base_channels", base_channels),
            ("max_multiplier", max_multiplier),
            ("num_downs", num_downs),
        ]:
            require_at_least(what, value, 1)
        require_at_least("kernel_size", kernel_size, 2)
        require_one_of("skip", skip, ("concat", "add", "none"))
        require_one_of("skip_features", skip_features, ("activated", "raw"))
        require_one_of("decoder_activation", decoder_activation, ("after_join", "before_join"))
        require_one_of("concat_order", concat_order, ("skip_first", "decoder_first"))
        require_one_of("dropout_mode", dropout_mode, DROPOUT_MODES)
        require_fraction("dropout", dropout)
        require_one_of("size_policy", size_policy, SIZE_POLICIES)
        if skip_features == "raw" and decoder_activation == "before_join":
            raise OptionError(
                "skip_features='raw' with decoder_activation='before_join' leaves the skips "
                "without any activation: change either of the two"
            )
        self.in_channels = in_channels
        self.num_downs = num_downs
        self.skip = skip
        self.concat_order = concat_order
        self.size_policy = size_policy

        channels = [base_channels * min(2**i, max_multiplier) for i in range(num_downs)]
        deepest = num_downs - 1
        before_join = decoder_activation == "before_join"

        self.down = nn.ModuleList()
        for level, out in enumerate(channels):
            last = level == deepest
            if skip_features == "raw":
                order, act = "activation conv norm", activation if level else "none"
            else:
                # The decoder's first block activates the bottleneck itself, unless it activates
                # only what it makes.
                order = "conv norm activation"
                act = activation if not last else up_activation if before_join else "none"
            self.down.append(
                ConvBlock(
                    channels[level - 1] if level else in_channels,
                    out,
                    kernel_size=kernel_size,
                    stride=2,
                    bias=bias,
                    norm=bottleneck_norm if last else norm if level else "none",
                    activation=act,
                    order=order,
                )
            )

        dropped = _dropout_levels(dropout_levels, num_downs)
        width = channels[-1]
        self.up = nn.ModuleList()
        for level in range(num_downs):
            last = level == deepest
            out = out_channels if last else channels[deepest - level - 1]
            self.up.append(
                DeconvBlock(
                    width,
                    out,
                    kernel_size=kernel_size,
                    bias=last_bias if last else bias,
                    norm=last_norm if last else norm,
                    activation="none" if last and before_join else up_activation,
                    dropout=dropout if level in dropped else 0.0,
                    dropout_mode=dropout_mode,
                    order="conv norm activation dropout"
                    if before_join
                    else "activation conv norm dropout",
                )
            )
            width = 2 * out if skip == "concat" else out
        self.last_activation = ACTIVATIONS.build(last_activation)
        initialize(self, init)

    @property
    def size_multiple(self) -> int:
        """Both sides of an image are padded to a multiple of this."""
        return 1 << self.num_downs

    def forward(self, x: Tensor) -> Tensor:
        """Translates images (B, in_channels, H, W) into images (B, out_channels, H, W)."""
        require_image("UNetGenerator", x.shape, self.in_channels)
        height, width = x.shape[-2:]
        if self.size_policy == "strict":
            require_multiple(height, width, self.size_multiple)
        x = pad_to_multiple(x, self.size_multiple)

        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        skips.pop()  # the bottleneck is the decoder's input, not a skip
        for level, block in enumerate(self.up):
            x = block(x if level == 0 else self._join(x, skips.pop()))
        image: Tensor = self.last_activation(x)
        return image[..., :height, :width]

    def _join(self, x: Tensor, skip: Tensor) -> Tensor:
        if self.skip == "none":
            return x
        if self.skip == "add":
            return x + skip
        return torch.cat((skip, x) if self.concat_order == "skip_first" else (x, skip), 1)


def _dropout_levels(levels: Sequence[int] | str, num_downs: int) -> Sequence[int]:
    if isinstance(levels, str):
        require_one_of("dropout_levels", levels, ("port", "paper"))
        return range(1, num_downs - 4) if levels == "port" else range(min(3, num_downs - 1))
    for level in levels:
        if not 0 <= level < num_downs - 1:
            raise OptionError(
                f"dropout_levels has {level!r}: a U-Net of num_downs={num_downs} has the decoder "
                f"levels 0 (innermost) to {num_downs - 2} before the one that makes the image"
            )
    return levels
