"""Converts tensors to PIL images and back, maps values to colors, and makes grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, ShapeError, listed, require_count

__all__ = ["grid", "to_bytes", "to_picture"]

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's color modes by number of channels."""


def to_bytes(image: Tensor) -> Tensor:
    """Converts floats in [-1, 1] to uint8 pixels from 0 to 255, and clips values outside the range.

    Args:
        image: Floats of any shape.

    Examples:
        >>> to_bytes(torch.tensor([-1.0, 0.0, 1.0, 7.0]))
        tensor([  0, 128, 255, 255], dtype=torch.uint8)
    """
    return image.detach().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).cpu()


@checked
def to_picture(image: Tensor) -> Image:
    """Converts one image to a PIL image.

    Args:
        image: Floats in [-1, 1] or uint8 pixels, (C, H, W) with 1, 3 or 4 channels.

    Raises:
        ShapeError: The tensor has a different shape.

    Examples:
        >>> to_picture(torch.zeros(3, 4, 5)).size
        (5, 4)
    """
    from PIL import Image

    if image.ndim != 3 or image.shape[0] not in PICTURE_MODES:
        raise ShapeError(
            f"a tensor of shape {tuple(image.shape)} is not an image: pass (C, H, W) with "
            f"{listed(PICTURE_MODES)} channels, such as image[:1]",
            see="channels-and-bit-depth",
        )
    pixels = image if image.dtype == torch.uint8 else to_bytes(image)
    array = pixels.permute(1, 2, 0).squeeze(-1).contiguous().numpy()
    return Image.fromarray(array)


_HEAT = (  # dark blue, teal, yellow: increasing lightness, safe for the color-blind
    *((34, 22, 70), (45, 62, 120), (38, 106, 135), (40, 150, 135)),
    *((96, 190, 112), (176, 214, 90), (250, 232, 110)),
)
_TWO_SIDED = ((178, 88, 6), (240, 163, 64), (247, 247, 247), (128, 172, 212), (30, 80, 150))


def heat(values: Tensor, *, two_sided: bool = False) -> Tensor:
    """Maps values in [0, 1] to colors from dark blue to yellow, or [-1, 1] from orange to blue."""
    anchors = torch.tensor(_TWO_SIDED if two_sided else _HEAT, dtype=torch.float32)
    position = (values.float() + 1) / 2 if two_sided else values.float()
    position = position.clamp(0, 1) * (len(anchors) - 1)
    below = position.floor().long().clamp(max=len(anchors) - 2)
    weight = (position - below)[..., None]
    colors = anchors[below] * (1 - weight) + anchors[below + 1] * weight
    return colors.round().to(torch.uint8).movedim(-1, 0).cpu()


def as_rgb(image: Tensor) -> Tensor:
    """Returns an image (C, H, W) with three channels: gray repeated, or the first three."""
    channels = image.shape[0]
    if channels == 1:
        return image.expand(3, -1, -1)
    if channels == 2:
        return torch.cat((image, torch.zeros_like(image[:1])))
    return image[:3]


@checked
def grid(rows: Sequence[Sequence[Tensor]], *, gap: int = 4) -> Tensor:
    """Arranges images in rows and columns on white, and returns uint8 pixels (3, H, W).

    Args:
        rows: Images (C, h, w), floats in [-1, 1]; smaller ones are placed at the top left of their
            cells.
        gap: White pixels around each image.

    Raises:
        OptionError: There is no image, or `gap` is negative.

    Examples:
        >>> grid([[torch.zeros(3, 8, 8)] * 3] * 2, gap=2).shape
        torch.Size([3, 22, 32])
    """
    require_count("gap", gap, 0)
    if not rows or not all(rows):
        raise OptionError("rows has no image: write lists of images, one for each row")
    height, width = (max(image.shape[side] for row in rows for image in row) for side in (-2, -1))
    sheet = torch.full(
        (3, gap + len(rows) * (height + gap), gap + len(rows[0]) * (width + gap)),
        255,
        dtype=torch.uint8,
    )
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            top, left = gap + r * (height + gap), gap + c * (width + gap)
            h, w = image.shape[-2:]
            sheet[:, top : top + h, left : left + w] = to_bytes(as_rgb(image))
    return sheet
