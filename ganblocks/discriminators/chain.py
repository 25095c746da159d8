"""What discriminators share that are one chain of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ganblocks.blocks import ConvBlock, InstanceNorm
from ganblocks.errors import ShapeError, require_image
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.rf.chain import min_input_size_of_chain, output_size_of_chain

OVER_SPACE = (nn.BatchNorm2d, nn.GroupNorm, InstanceNorm)


class ChainDiscriminator(nn.Module):
    """Conv blocks one after the other, and a last convolution that makes the logits.

    (B, in_channels, H, W) → logits (B, 1, h, w), unbounded: no sigmoid and no norm comes after
    the last convolution.

    Args:
        blocks: The blocks before the last.
        logits: The last convolution, to one channel.
    """

    remedy: ClassVar[str] = "Enlarge the image"  # of an image that is too small

    def __init__(self, blocks: Sequence[ConvBlock], logits: ConvBlock) -> None:
        super().__init__()
        self.in_channels = blocks[0].in_channels
        self.blocks = nn.ModuleList(blocks)
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        """Scores the patches of (B, in_channels, H, W): higher is more real."""
        return self.features(x)[-1]

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Gives the map of every layer, the logits last."""
        name = type(self).__name__
        require_image(name, x.shape, self.in_channels)
        least = self.min_input_size
        if x.shape[2] < least[0] or x.shape[3] < least[1]:
            raise ShapeError(
                f"image of {x.shape[2]}×{x.shape[3]}: this {name} needs at least "
                f"{least[0]}×{least[1]} to give a logit. {self.remedy}"
            )
        maps = []
        for block in (*self.blocks, self.logits):
            x = block(x)
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

        Example:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(base_channels=8).output_size(256, 512)
            (30, 62)
        """
        return output_size_of_chain(self._convs(), height, width)

    def extra_repr(self) -> str:
        """Shows in `repr` what a logit sees."""
        field, grid = self.receptive_field, self.output_size(256, 256)
        return (
            f"receptive field {field.size[0]}×{field.size[1]}, stride {field.stride[0]}, "
            f"{grid[0]}×{grid[1]} logits on 256×256"
        )

    def _convs(self) -> list[nn.Conv2d]:
        return [block.conv for block in (*self.blocks, self.logits)]
