"""The twelve classes of the CMP facades and their colors."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import ShapeError

CMP_PALETTE: dict[str, tuple[int, int, int]] = {
    "background": (0, 0, 223),
    "facade": (0, 48, 255),
    "window": (0, 128, 255),
    "door": (0, 207, 255),
    "cornice": (32, 255, 223),
    "sill": (112, 255, 143),
    "balcony": (191, 255, 64),
    "blind": (255, 239, 0),
    "deco": (255, 159, 0),
    "molding": (255, 80, 0),
    "pillar": (255, 0, 0),
    "shop": (175, 0, 0),
}
"""RGB by class name, in the order of the class numbers: the jet colors of the pix2pix archive.

In flat regions, its JPEGs match them to within 2 of 255.
"""


def classes_to_rgb(classes: Tensor) -> Tensor:
    """Maps class numbers (..., H, W) to the CMP colors, uint8 (..., 3, H, W).

    Examples:
        >>> classes_to_rgb(torch.tensor([[0, 10]]))[:, 0, 1]
        tensor([255,   0,   0], dtype=torch.uint8)
    """
    return _colors(classes.device)[classes.long()].movedim(-1, -3)


@checked
def rgb_to_classes(rgb: Tensor) -> Tensor:
    """Returns the class with the nearest color for each pixel.

    Args:
        rgb: uint8 colors, (..., 3, H, W), such as those of a JPEG.

    Returns:
        int64 class numbers, (..., H, W), numbered in the order of `CMP_PALETTE`.

    Raises:
        ShapeError: `rgb` is not uint8 or does not have three channels.

    Examples:
        >>> pixel = torch.tensor([250, 4, 3], dtype=torch.uint8).view(3, 1, 1)
        >>> list(CMP_PALETTE)[rgb_to_classes(pixel)]
        'pillar'
    """
    if rgb.ndim < 3 or rgb.shape[-3] != 3 or rgb.dtype != torch.uint8:
        raise ShapeError(
            f"rgb is {rgb.dtype} of shape {tuple(rgb.shape)}: pass uint8 of shape (..., 3, H, W)"
        )
    pixels = rgb.movedim(-3, -1).unsqueeze(-2).int()
    return (pixels - _colors(rgb.device).int()).square().sum(-1).argmin(-1)


def _colors(device: torch.device) -> Tensor:
    return torch.tensor(list(CMP_PALETTE.values()), dtype=torch.uint8, device=device)
