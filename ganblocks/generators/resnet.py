"""The residual generator of CycleGAN."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks import (
    ConvBlock,
    DownBlock,
    ResidualBlock,
    UpBlock,
    initialize,
    spectral_norm as with_spectral_norm,
)
from ganblocks.blocks.checkpointing import checkpointed
from ganblocks.errors import (
    MOST_BLOCKS,
    MOST_LEVELS,
    require_count,
    require_flag,
    require_image,
    require_one_of,
)
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.sizes import fit_to, pad_to_multiple, require_multiple
from ganblocks.registry import ComponentLike
from ganblocks.weights import FromReference

PORT_DOWN = {"type": "conv", "kernel_size": 3}
PORT_UP = {"type": "deconv", "kernel_size": 3, "checkerboard": "accept"}


@GENERATORS.register("resnet")
class ResNetGenerator(FromReference, nn.Module):
    """Halves the image `num_downs` times, applies residual blocks, and restores the full size.

    (B, in_channels, H, W) → (B, out_channels, H, W) for any H and W. Images are in [-1, 1].
    The architecture is CycleGAN's (Zhu et al., ICCV 2017, appendix 7.2), after Johnson et al.
    (ECCV 2016): 7×7 convolution, strided ones, residual blocks, transposed ones, 7×7 convolution.
    The defaults are the PyTorch port's `resnet_9blocks` with batch norm.

    Args:
        in_channels: Channels of the input image.
        out_channels: Channels of the output image.
        base_channels: Channels of the first convolution (ngf); each halving doubles them.
        n_blocks: Residual blocks; 6 for images of 128², 9 for 256² and up.
        num_downs: Number of halvings.
        norm: Norm of every layer but the last, from `NORMS`.
        bias: Whether the convolutions have a bias; `"auto"` adds one where no norm follows. The
            last convolution always has one.
        activation: Activation of every layer but the last, from `ACTIVATIONS`.
        last_activation: Activation that produces the image.
        padding_mode: Padding of the residual blocks, from `PADDINGS`.
        outer_padding_mode: Padding of the two 7×7 convolutions.
        down: Down-sampler, from `DOWNSAMPLERS`.
        up: Up-sampler, from `UPSAMPLERS`. The port's kernel of 3 with stride 2 can cause
            checkerboard artifacts; `"nearest"` does not.
        dropout: Dropout probability inside the residual blocks.
        dropout_mode: `"train"`, or `"always"` for dropout at test time too.
        spectral_norm: Whether to apply spectral norm to all convolutions.
        checkpointing: Whether to recompute the maps inside each block in the backward pass: less
            memory, more time.
        size_policy: `"pad"` pads to the next multiple of 2^num_downs (at least twice it) and crops
            the output; `"strict"` raises and names the nearest valid sizes. Padding warns if it
            more than doubles a side, and raises above a factor of 8 (sides below 32 pixels count as
            32).
        init: Weight initializer, from `INITIALIZERS`.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong number of channels, a size that `"strict"`
            rejects, or a size far too small for `num_downs`.

    Examples:
        >>> generator = ResNetGenerator(in_channels=1, base_channels=4, n_blocks=2)
        >>> generator(torch.zeros(1, 1, 30, 41)).shape
        torch.Size([1, 3, 30, 41])
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        base_channels: int = 64,
        n_blocks: int = 9,
        num_downs: int = 2,
        norm: ComponentLike = "batch",
        bias: bool | str = "auto",
        activation: ComponentLike = "relu",
        last_activation: ComponentLike = "tanh",
        padding_mode: ComponentLike = "reflect",
        outer_padding_mode: ComponentLike = "reflect",
        down: ComponentLike = PORT_DOWN,
        up: ComponentLike = PORT_UP,
        dropout: float = 0.0,
        dropout_mode: str = "train",
        spectral_norm: bool = False,
        checkpointing: bool = False,
        size_policy: str = "pad",
        init: ComponentLike = "normal",
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("out_channels", out_channels, 1)
        require_count("base_channels", base_channels, 1)
        require_count("n_blocks", n_blocks, 0, MOST_BLOCKS)
        require_count("num_downs", num_downs, 0, MOST_LEVELS)
        require_flag("spectral_norm", spectral_norm)
        require_flag("checkpointing", checkpointing)
        require_one_of("size_policy", size_policy, ("pad", "strict"))
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_downs = num_downs
        self.checkpointing = checkpointing
        self.size_policy = size_policy

        layer: dict[str, Any] = {"bias": bias, "norm": norm, "activation": activation}
        widths = [base_channels * 2**i for i in range(num_downs + 1)]
        outer = partial(ConvBlock, kernel_size=7, padding_mode=outer_padding_mode)
        self.stem = outer(in_channels, base_channels, **layer)
        self.down = nn.ModuleList(
            DownBlock(widths[i], widths[i + 1], down=down, **layer) for i in range(num_downs)
        )
        inner: dict[str, Any] = {"dropout": dropout, "dropout_mode": dropout_mode, **layer}
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[-1], widths[-1], padding_mode=padding_mode, **inner)
            for _ in range(n_blocks)
        )
        self.up = nn.ModuleList(
            UpBlock(widths[i], widths[i - 1], up=up, **layer) for i in range(num_downs, 0, -1)
        )
        self.last = outer(base_channels, out_channels, activation=last_activation)
        initialize(self, init)
        if spectral_norm:
            with_spectral_norm(self)

    @property
    def size_multiple(self) -> int:
        """The multiple to which both sides of an image are padded."""
        return 1 << self.num_downs

    @property
    def last_layer(self) -> nn.Parameter:
        """The last convolution's weight, which adaptive weights use to compare gradients."""
        return [p for p in self.last.parameters() if p.dim() > 1][-1]

    def forward(self, x: Tensor) -> Tensor:
        """Translates images (B, in_channels, H, W) into images (B, out_channels, H, W).

        Args:
            x: Images in [-1, 1].
        """
        require_image("ResNetGenerator", x, self.in_channels, network=self)
        height, width = x.shape[-2:]
        if self.size_policy == "strict":
            require_multiple(height, width, self.size_multiple)
        else:  # reflection padding needs 2 pixels in the blocks, 4 at full size
            x = pad_to_multiple(x, self.size_multiple, least=max(2 * self.size_multiple, 4))
        for block in (self.stem, *self.down, *self.blocks, *self.up, self.last):
            if self.checkpointing and torch.is_grad_enabled():
                x = checkpointed([block], block, x)
            else:
                x = block(x)
        return fit_to(x, height, width)
