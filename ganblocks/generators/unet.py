"""The U-Net of pix2pix, every choice an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganblocks.blocks import (
    ACTIVATIONS,
    NORMS,
    DownBlock,
    SelfAttention,
    UpBlock,
    initialize,
    spectral_norm as with_spectral_norm,
)
from ganblocks.blocks.checkpointing import checkpointed
from ganblocks.blocks.dropout import DROPOUT_MODES
from ganblocks.errors import (
    OptionError,
    require_count,
    require_flag,
    require_fraction,
    require_image,
    require_one_of,
)
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.sizes import fit_to, pad_to_multiple, require_multiple
from ganblocks.generators.unet_options import (
    require_decoder_levels,
    resolve_dropout_levels,
    samplers_with_kernel,
)
from ganblocks.registry import ComponentLike
from ganblocks.weights.translation import build_from_reference


@GENERATORS.register("unet")
class UNetGenerator(nn.Module):
    """U-Net with skips: an encoder that halves the image `num_downs` times, and back.

    (B, in_channels, H, W) → (B, out_channels, H, W) for any H and W. Images are in [-1, 1].
    The defaults are `unet_256` of the PyTorch port of pix2pix (Isola et al., CVPR 2017,
    section 6.1.1), 54,413,955 parameters; the presets `unet_256_lua` (the paper's own code)
    and `unet_256_tutorial` set the arguments in which the dialects differ.

    Args:
        in_channels: Channels of the input image.
        out_channels: Channels of the output image.
        base_channels: Channels of the first level (ngf); each level doubles them.
        max_multiplier: Most that a level may have, in multiples of `base_channels`.
        num_downs: How often the image is halved; 8 brings 256² down to 1×1.
        kernel_size: Side of the strided kernels, at least 2: those of `down="conv"` and
            `up="deconv"`. Other samplers have one of their own, in their spec.
        norm: Norm of the inner levels, from `NORMS`.
        bottleneck_norm: Norm of the innermost convolution. At batch 1 a norm over a 1×1 map
            leaves nothing, which is why the default is `"none"`.
        last_norm: Norm before the last activation.
        bias: Whether the convolutions have a bias; `"auto"` where no norm follows.
        last_bias: The same for the last deconvolution.
        activation: Activation of the encoder, from `ACTIVATIONS`.
        up_activation: Activation of the decoder.
        last_activation: Activation that makes the image.
        down: What halves the maps, from `DOWNSAMPLERS`: `"conv"`, `"pool"`, `"blur"`.
        up: What doubles them, from `UPSAMPLERS`: `"deconv"`, `"nearest"`, `"bilinear"`,
            `"pixelshuffle"`.
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
        attention_levels: Decoder levels with self-attention, counted in the same way; level n
            of a U-Net 256 on 256² has maps of 2^(n + 1) pixels.
        spectral_norm: Whether every kernel is divided by its largest singular value.
        checkpointing: Whether the backward pass computes each level's maps once more rather
            than keep them: less memory, more time.
        size_policy: `"pad"` pads to the next multiple of 2^num_downs and crops the output;
            `"match_skip"` fits each decoder map to its skip by repeating its last row and
            column, so that an image of 2^num_downs pixels or more is not padded; `"strict"`
            raises and names the nearest valid sizes.
        init: How the weights begin, from `INITIALIZERS`.

    Raises:
        OptionError: An argument has an invalid value, or a kernel size that does nothing.
        ShapeError: In forward: the image has other channels, or a size that `"strict"` refuses.

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
        bottleneck_norm: ComponentLike = "none",
        last_norm: ComponentLike = "none",
        bias: bool | str = False,
        last_bias: bool | str = "auto",
        activation: ComponentLike = "leaky_relu",
        up_activation: ComponentLike = "relu",
        last_activation: ComponentLike = "tanh",
        down: ComponentLike = "conv",
        up: ComponentLike = "deconv",
        skip: str = "concat",
        skip_features: str = "activated",
        decoder_activation: str = "after_join",
        concat_order: str = "skip_first",
        dropout: float = 0.5,
        dropout_levels: Iterable[int] | str = "port",
        dropout_mode: str = "train",
        attention_levels: Iterable[int] = (),
        spectral_norm: bool = False,
        checkpointing: bool = False,
        size_policy: str = "pad",
        init: ComponentLike = "normal",
    ) -> None:
        super().__init__()
        for what, value in [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("base_channels", base_channels),
            ("max_multiplier", max_multiplier),
            ("num_downs", num_downs),
        ]:
            require_count(what, value, 1)
        require_count("kernel_size", kernel_size, 2)
        require_one_of("skip", skip, ("concat", "add", "none"))
        require_one_of("skip_features", skip_features, ("activated", "raw"))
        require_one_of("decoder_activation", decoder_activation, ("after_join", "before_join"))
        require_one_of("concat_order", concat_order, ("skip_first", "decoder_first"))
        require_one_of("dropout_mode", dropout_mode, DROPOUT_MODES)
        require_fraction("dropout", dropout)
        require_flag("spectral_norm", spectral_norm)
        require_flag("checkpointing", checkpointing)
        require_one_of("size_policy", size_policy, ("pad", "match_skip", "strict"))
        if skip_features == "raw" and decoder_activation == "before_join":
            raise OptionError(
                "skip_features='raw' with decoder_activation='before_join' leaves the skips "
                "without any activation: change either of the two"
            )
        down, up = samplers_with_kernel(down, up, kernel_size)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_downs = num_downs
        self.skip = skip
        self.concat_order = concat_order
        self.checkpointing = checkpointing
        self.size_policy = size_policy

        channels = [base_channels * min(2**i, max_multiplier) for i in range(num_downs)]
        deepest = num_downs - 1
        if num_downs == 1:  # it holds neither; a wrong name is wrong there too
            NORMS.build(norm, base_channels)
            ACTIVATIONS.build(activation)
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
                DownBlock(
                    channels[level - 1] if level else in_channels,
                    out,
                    down=down,
                    bias=bias,
                    norm=bottleneck_norm if last else norm if level else "none",
                    activation=act,
                    order=order,
                )
            )

        dropped = resolve_dropout_levels(dropout_levels, num_downs)
        width = channels[-1]
        self.up = nn.ModuleList()
        for level in range(num_downs):
            last = level == deepest
            out = out_channels if last else channels[deepest - level - 1]
            self.up.append(
                UpBlock(
                    width,
                    out,
                    up=up,
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
        attended = require_decoder_levels("attention_levels", attention_levels, num_downs)
        self.attention = nn.ModuleDict(
            {str(level): SelfAttention(channels[deepest - level - 1]) for level in attended}
        )
        self.last_activation = ACTIVATIONS.build(last_activation)
        initialize(self, init)
        if spectral_norm:
            with_spectral_norm(self)

    @classmethod
    def for_size(cls, height: int, width: int, **options: Any) -> Self:
        """Builds a U-Net as deep as images of this size allow, 8 halvings at most.

        The innermost map keeps at least one pixel of the shorter side.

        Args:
            height: Height of the images in pixels.
            width: Width of the images in pixels.
            **options: The other arguments.

        Raises:
            OptionError: A side is below 1, or an argument is wrong.

        Examples:
            >>> UNetGenerator.for_size(96, 200, base_channels=4).num_downs
            6
        """
        for what, value in [("height", height), ("width", width)]:
            require_count(what, value, 1)
        return cls(**{"num_downs": min(8, max(1, min(height, width).bit_length() - 1)), **options})

    @classmethod
    def from_reference(cls, weights: Mapping[str, Tensor] | str | Path, **options: Any) -> Self:
        """Builds the U-Net that a state dict of another code base was made by, and fills it.

        It reads pytorch-CycleGAN-and-pix2pix's layout and the pix2pix tutorial's (`conv1.0.weight`
        …), of any depth, width and channels, with or without `module.`, and infers them from
        keys and shapes. Dropout leaves no trace there: it is the code base's own unless an argument
        says otherwise. `ganblocks.weights.to_reference` writes the former layout.

        Args:
            weights: The state dict, or a file of one (`.pth` without pickled objects, or
                `.safetensors`).
            **options: Arguments that the keys do not determine, such as `dropout` or `size_policy`.

        Raises:
            WeightsError: The file cannot be read, or a key does not fit; the first is named.

        Examples:
            >>> from ganblocks.weights import to_reference
            >>> state = to_reference(UNetGenerator(in_channels=1, base_channels=4, num_downs=5))
            >>> network = UNetGenerator.from_reference(state, dropout=0.0)
            >>> network.in_channels, network.num_downs
            (1, 5)
        """
        return build_from_reference(cls, "unet", weights, options)

    @property
    def size_multiple(self) -> int:
        """Both sides of an image are padded to a multiple of this."""
        return 1 << self.num_downs

    def forward(self, x: Tensor) -> Tensor:
        """Translates images (B, in_channels, H, W) into images (B, out_channels, H, W).

        Args:
            x: Images in [-1, 1].
        """
        require_image("UNetGenerator", x.shape, self.in_channels)
        height, width = x.shape[-2:]
        if self.size_policy == "pad":
            x = pad_to_multiple(x, self.size_multiple)
        elif self.size_policy == "strict":
            require_multiple(height, width, self.size_multiple)
        else:
            least = self.size_multiple
            x = fit_to(x, max(height, least), max(width, least))

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

    def _level(self, parts: list[nn.Module], x: Tensor, skip: Tensor | None = None) -> Tensor:
        def run(x: Tensor, skip: Tensor | None) -> Tensor:
            if skip is not None:
                x = self._join(x, skip)
            for part in parts:
                x = part(x)
            return x

        if self.checkpointing and torch.is_grad_enabled():
            return checkpointed(parts, run, x, skip)
        return run(x, skip)

    def _join(self, x: Tensor, skip: Tensor) -> Tensor:
        x = fit_to(x, *skip.shape[-2:])
        if self.skip == "none":
            return x
        if self.skip == "add":
            return x + skip
        return torch.cat((skip, x) if self.concat_order == "skip_first" else (x, skip), 1)
