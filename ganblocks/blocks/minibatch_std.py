"""Minibatch standard deviation."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import OptionError, require_count, require_image


@BLOCKS.register("minibatch_std")
class MinibatchStdDev(nn.Module):
    """Appends a map of the deviation within groups of images (Karras et al., ICLR 2018, section 3).

    (B, in_channels, H, W) → (B, in_channels + 1, H, W). The map is constant over a group: the mean
    over channels and pixels of √(variance over its images + 1e-8). It mixes the images of a batch,
    in eval mode too; in distributed training, each process uses only its own images.

    Args:
        in_channels: Channels of the input.
        out_channels: `in_channels` + 1, or None.
        group_size: Maximum number of images in a group; a batch is divided evenly, in order.

    Raises:
        OptionError: `out_channels` is not `in_channels` + 1, or a number is too small.
        ShapeError: In forward: the input has a different number of channels.

    Examples:
        >>> x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 4, 5, 7)
        >>> round(MinibatchStdDev(4)(x)[:, 4].mean().item(), 4)
        1.0
    """

    cannot: ClassVar[dict[str, str]] = {"batch_independent": "it compares the images of a batch"}

    def __init__(
        self, in_channels: int, out_channels: int | None = None, *, group_size: int = 4
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("group_size", group_size, 2)
        if out_channels not in (None, in_channels + 1):
            raise OptionError(f"out_channels is {out_channels}: write {in_channels + 1} or None")
        self.in_channels, self.out_channels = in_channels, in_channels + 1
        self.group_size = group_size

    def forward(self, x: Tensor) -> Tensor:
        """Appends the map to a batch of feature maps.

        Args:
            x: Maps (B, in_channels, H, W).
        """
        require_image("MinibatchStdDev", x, self.in_channels)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # in half precision, 1e-8 is 0
        groups = wide.tensor_split(-(-len(x) // self.group_size))
        maps = [
            (group.var(0, correction=0) + 1e-8).sqrt().mean().expand(len(group), 1, *x.shape[2:])
            for group in groups
        ]
        return torch.cat((x, torch.cat(maps).to(x.dtype)), 1)
