"""What discriminators share that are one chain of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganblocks.blocks import ConvBlock, InstanceNorm
from ganblocks.blocks.checkpointing import checkpointed
from ganblocks.errors import ShapeError, require_image
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.rf.chain import min_input_size_of_chain, output_size_of_chain
from ganblocks.rf.counting import clear_outputs
from ganblocks.rf.layers import times

USUAL = (256, 256)  # the size that `repr` speaks of
OVER_SPACE = (nn.BatchNorm2d, nn.GroupNorm, InstanceNorm)


class ChainDiscriminator(nn.Module):
    """Conv blocks one after the other, and a last convolution that makes the logits.

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded: no sigmoid and no norm comes after
    the last convolution.

    Args:
        blocks: The blocks before the last.
        logits: The last convolution, to one channel.
        checkpointing: Whether the backward pass computes what is inside a block once more.
    """

    remedy: ClassVar[str] = "Enlarge the image"  # of an image that is too small

    def __init__(
        self, blocks: Sequence[ConvBlock], logits: ConvBlock, *, checkpointing: bool = False
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.in_channels = blocks[0].in_channels
        self.blocks = nn.ModuleList(blocks)
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        """Scores the patches of images: higher is more real.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].

        Returns:
            Logits (B, 1, h, w), without bounds.

        Raises:
            ShapeError: The images have other channels, or are smaller than `min_input_size`.
        """
        return self.features(x)[-1]

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the map of every layer, the logits last.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].

        Raises:
            ShapeError: The images have other channels, or are smaller than `min_input_size`.

        Examples:
            >>> import torch
            >>> from ganblocks import PatchDiscriminator
            >>> maps = PatchDiscriminator(base_channels=8).features(torch.zeros(1, 6, 64, 64))
            >>> [map.shape[1] for map in maps]
            [8, 16, 32, 64, 1]
        """
        name = type(self).__name__
        require_image(name, x.shape, self.in_channels)
        least = self.min_input_size
        if x.shape[2] < least[0] or x.shape[3] < least[1]:
            raise ShapeError(
                f"image of {x.shape[2]}×{x.shape[3]}: this {name} needs at least "
                f"{least[0]}×{least[1]} to give a logit. {self.remedy}",
                see="image-too-small",
            )
        maps = []
        for block in (*self.blocks, self.logits):
            saving = self.checkpointing and torch.is_grad_enabled()
            x = checkpointed([block], block, x) if saving else block(x)
            maps.append(x)
        return tuple(maps)

    @property
    def receptive_field(self) -> ReceptiveField:
        """What each logit sees of the image, walked at 256×256 or the least size that gives one."""
        height, width = (max(256, n) for n in self.min_input_size)
        field: ReceptiveField = receptive_field(self, (self.in_channels, height, width))
        return field

    @property
    def min_input_size(self) -> tuple[int, int]:
        """Smallest (H, W) that gives a logit, and every norm over space something to compare."""
        size = (1, 1)
        for block in reversed((*self.blocks, self.logits)):
            if isinstance(getattr(block, "norm", None), OVER_SPACE):
                size = (max(size[0], 2), max(size[1], 2))
            size = min_input_size_of_chain([block.conv], size)
        return size

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (h, w) of the logit map of an image of this size.

        Args:
            height: H in pixels.
            width: W in pixels.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(base_channels=8).output_size(256, 512)
            (30, 62)
        """
        return output_size_of_chain(self.convolutions(), height, width)

    def convolutions(self) -> list[nn.Conv2d]:
        """The convolutions in the order in which the image passes them.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> [conv.stride[0] for conv in PatchDiscriminator(base_channels=8).convolutions()]
            [2, 2, 2, 1, 1]
        """
        return [block.conv for block in (*self.blocks, self.logits)]

    def __repr__(self) -> str:
        """Ends with what a logit sees."""
        return f"{super().__repr__()}  # {in_words(self.receptive_field, self.output_size(*USUAL))}"


def in_words(field: ReceptiveField, grid: tuple[int, ...]) -> str:
    """Says what a logit sees, and how many there are on 256×256.

    Examples:
        >>> in_words(ReceptiveField((70, 70), (8, 8), (23, 23)), (30, 30))
        '70×70 receptive field, stride 8, 30×30 logits on 256×256'
    """
    words = f"{times(field.size)} receptive field, stride {field.stride[0]}, "
    if 0 in grid:
        return f"{words}no logit on 256×256: it is too small"
    words += f"{times(grid)} logits on 256×256"
    seeing = clear_outputs(field, USUAL, grid) if field.uniform else 1
    return words if seeing else f"{words}, every one looks at padding"
