"""Base class of discriminators that are a chain of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ganblocks.blocks import (
    ConvBlock,
    InstanceNorm,
    initialize,
    spectral_norm as with_spectral_norm,
)
from ganblocks.blocks.checkpointing import checkpointed
from ganblocks.errors import OptionError, ShapeError, not_one_of, require_flag, require_image
from ganblocks.registry import ComponentLike
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.rf.chain import min_input_size_of_chain, output_size_of_chain
from ganblocks.rf.counting import clear_outputs
from ganblocks.rf.layers import times
from ganblocks.torch_classes import StatisticsNorm
from ganblocks.weights import FromReference

REPR_SIZE = (256, 256)  # the image size in `repr`
SPATIAL_NORMS = (StatisticsNorm, nn.GroupNorm, InstanceNorm)


class ChainDiscriminator(FromReference):
    """Base class: a chain of conv blocks, and a last convolution that produces the logits.

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded: no sigmoid or norm follows
    the last convolution.

    Args:
        blocks: All blocks but the last.
        logits: The last convolution, to one channel.
        init: Weight initializer, from `INITIALIZERS`.
        spectral_norm: True, False, or `"inner"` for all convolutions but the first and last.
        checkpointing: Whether to recompute the maps inside each block in the backward pass.

    Raises:
        OptionError: `spectral_norm` or `checkpointing` has an invalid value.
    """

    remedy: ClassVar[str] = "Enlarge the image"  # if the image is too small

    def __init__(
        self,
        blocks: Sequence[ConvBlock],
        logits: ConvBlock,
        *,
        init: ComponentLike,
        spectral_norm: bool | str,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        require_flag("checkpointing", checkpointing)
        _require_flag_or("spectral_norm", spectral_norm, "inner")
        self.checkpointing = checkpointing
        self.in_channels = blocks[0].in_channels
        self.blocks = nn.ModuleList(blocks)
        self.logits = logits
        initialize(self, init)
        if spectral_norm:
            with_spectral_norm(self.blocks[1:] if spectral_norm == "inner" else self)

    def forward(self, x: Tensor) -> Tensor:
        """Scores the patches of images: higher is more real.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
        """
        return self.features(x)[-1]

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps of all layers, the logits last.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].

        Raises:
            OptionError: The images do not have the dtype of the weights.
            ShapeError: The images have the wrong number of channels, or are smaller than
                `min_input_size`.

        Examples:
            >>> import torch
            >>> from ganblocks import PatchDiscriminator
            >>> maps = PatchDiscriminator(6, base_channels=8).features(torch.zeros(1, 6, 64, 64))
            >>> [map.shape[1] for map in maps]
            [8, 16, 32, 64, 1]
        """
        require_input(self, x, "to give a logit", self.remedy)
        maps = []
        for block in (*self.blocks, self.logits):
            recompute = self.checkpointing and torch.is_grad_enabled()
            x = checkpointed([block], block, x) if recompute else block(x)
            maps.append(x)
        return tuple(maps)

    @property
    def receptive_field(self) -> ReceptiveField:
        """The receptive field of the logits, at 256×256 or `min_input_size` if that is larger."""
        height, width = (max(256, n) for n in self.min_input_size)
        return cast(ReceptiveField, receptive_field(self, (self.in_channels, height, width)))

    @property
    def min_input_size(self) -> tuple[int, int]:
        """Smallest (H, W) with a logit, and with more than one value for every spatial norm."""
        size = (1, 1)
        for block in reversed((*self.blocks, self.logits)):
            if isinstance(getattr(block, "norm", None), SPATIAL_NORMS):
                size = (max(size[0], 2), max(size[1], 2))
            size = min_input_size_of_chain([block.conv], size)
        return size

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (h, w) of the logit map for an image of this size.

        Args:
            height: H in pixels.
            width: W in pixels.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=8).output_size(256, 512)
            (30, 62)
        """
        convolutions = [block.conv for block in (*self.blocks, self.logits)]
        return output_size_of_chain(convolutions, height, width)

    def __repr__(self) -> str:
        """Adds the receptive field of a logit."""
        field = describe_field(self.receptive_field, self.output_size(*REPR_SIZE))
        return f"{super().__repr__()}  # {field}"


def bias_of_layer(bias: bool | str, *, inner: bool) -> bool | str:
    """Returns the bias of a conv block: `"outer"` leaves out the inner layers.

    Examples:
        >>> bias_of_layer("outer", inner=True), bias_of_layer("auto", inner=True)
        (False, 'auto')
    """
    _require_flag_or("bias", bias, "auto", "outer")
    return not inner if bias == "outer" else bias


def describe_field(field: ReceptiveField, grid: tuple[int, ...]) -> str:
    """Describes a logit's receptive field, and the number of logits on 256×256.

    Examples:
        >>> describe_field(ReceptiveField((70, 70), (8, 8), (23, 23)), (30, 30))
        '70×70 receptive field, stride 8, 30×30 logits on 256×256'
    """
    text = f"{times(field.size)} receptive field, stride {field.stride[0]}, "
    if 0 in grid:
        return f"{text}no logit on 256×256: it is too small"
    text += f"{times(grid)} logits on 256×256"
    only_padded = field.uniform and not clear_outputs(field, REPR_SIZE, grid)
    return f"{text}, every one looks at padding" if only_padded else text


def require_input(discriminator: Any, x: Tensor, purpose: str, remedy: str) -> None:
    """Raises an error unless images have a discriminator's dtype, channels and size."""
    name = type(discriminator).__name__
    require_image(name, x, discriminator.in_channels, network=discriminator)
    height, width = discriminator.min_input_size
    if x.shape[2] < height or x.shape[3] < width:
        raise ShapeError(
            f"image of {x.shape[2]}×{x.shape[3]}: this {name} needs at least {height}×{width} "
            f"{purpose}. {remedy}",
            see="image-too-small",
        )


def _require_flag_or(what: str, value: bool | str, *names: str) -> None:
    """Raises `OptionError` unless the value is True, False or one of the names."""
    if not isinstance(value, bool) and value not in names:
        raise OptionError(f"{not_one_of(what, value, names)}, True or False")
