"""Draws receptive fields over an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, ShapeError
from ganblocks.pictures import as_rgb, heat, to_bytes, to_picture
from ganblocks.rf.counting import coverage, require_two_axes
from ganblocks.rf.field import Box, ReceptiveField
from ganblocks.rf.layers import times

if TYPE_CHECKING:
    from PIL.Image import Image

COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colors of the boxes, safe for the color-blind (Okabe and Ito)."""

MARGIN = 6
HATCH = 7  # pixels between the lines of the hatching
MIN_SIDE = 480  # minimum longer side in pixels, so that lines are readable


@checked
def draw_receptive_field(
    image: Tensor, field: ReceptiveField, positions: Sequence[Sequence[int]]
) -> Image:
    """Draws the fields of some outputs over an image, with hatched padding.

    Args:
        image: (C, H, W) in [-1, 1].
        field: The field of a network on two-dimensional images.
        positions: Indices (i, j) of outputs.

    Returns:
        A PIL image, larger than `image` if a box extends beyond it; small images are enlarged.

    Raises:
        OptionError: The field does not have two axes, or a position is not that of an output.
        ShapeError: `image` is not one image.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> field = PatchDiscriminator(6, base_channels=2).receptive_field
        >>> draw_receptive_field(torch.zeros(3, 256, 256), field, [(0, 0), (15, 20)]).size
        (570, 570)
    """
    from PIL import Image, ImageDraw

    require_two_axes(field)
    require_one_image(image)
    photo = enlarged(to_picture(as_rgb(image)))
    width, height = photo.size
    scale = width // image.shape[2]
    boxes = [tuple(n * scale for n in field.box(*position)) for position in positions]
    edges = [(0, 0, height, width), *boxes]
    above, before = (MARGIN - min(box[side] for box in edges) for side in (0, 1))
    below, beyond = (MARGIN + max(box[side] for box in edges) for side in (2, 3))
    canvas = Image.new("RGB", (before + beyond, above + below), "white")
    canvas.paste(photo, (before, above))
    pen = ImageDraw.Draw(canvas)
    inside = (above, before, above + height, before + width)
    pen.rectangle((before - 1, above - 1, before + width, above + height), outline="#808080")
    for number, (top, left, bottom, right) in enumerate(boxes):
        color = COLORS[number % len(COLORS)]
        box = (top + above, left + before, bottom + above, right + before)
        _hatch(canvas, box, inside, color)
        pen.rectangle((box[1], box[0], box[3] - 1, box[2] - 1), outline=color, width=3)
        row, column = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        pen.ellipse((column - 4, row - 4, column + 4, row + 4), fill=color, outline="white")
    return canvas


@checked
def draw_coverage(field: ReceptiveField, image: Tensor | None = None) -> Image:
    """Draws how many outputs see each pixel, from dark blue (fewest) to yellow (most).

    Args:
        field: The field of a network on two-dimensional images.
        image: (C, H, W) in [-1, 1] of the traced size, shown under the colors.

    Returns:
        A PIL image with a color bar below; small images are enlarged.

    Raises:
        OptionError: The field was constructed directly, or does not have two axes.
        ShapeError: `image` has a different size.

    Examples:
        >>> from ganblocks import receptive_field
        >>> draw_coverage(receptive_field(torch.nn.Conv2d(3, 1, 9, 2), (240, 240))).size
        (480, 520)
    """
    counts = coverage(field)
    low, high = int(counts.min()), int(counts.max())
    colors = heat((counts - low) / max(1, high - low))
    if image is not None:
        size = tuple(image.shape[-2:])
        if size != field.input_size:
            raise ShapeError(
                f"image of {times(size)}: the field was traced at {times(field.input_size)}. "
                f"Use receptive_field(network, {size})"
            )
        colors = blended(image, colors)
    picture = enlarged(to_picture(colors))
    return with_bar(picture, f"{low} outputs", f"{high} see a pixel", two_sided=False)


def blended(image: Tensor, colors: Tensor, share: float = 0.6) -> Tensor:
    """Blends colors (3, H, W) with a grayscale version of an image."""
    gray = to_bytes(as_rgb(image)).float().mean(0, keepdim=True)
    return (share * colors.float() + (1 - share) * gray).round().to(torch.uint8)


def enlarged(picture: Image) -> Image:
    """Enlarges a small image by an integer factor."""
    from PIL import Image

    scale = max(1, -(-MIN_SIDE // max(picture.size)))
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def with_bar(picture: Image, low: str, high: str, *, two_sided: bool) -> Image:
    """Adds a color bar below, with labels at its ends."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=16)
    sheet = Image.new("RGB", (picture.width, picture.height + 40), "white")
    sheet.paste(picture)
    ends = torch.linspace(-1 if two_sided else 0, 1, 120).expand(12, -1)
    bar = to_picture(heat(ends, two_sided=two_sided))
    left = (picture.width - bar.width) // 2
    sheet.paste(bar, (left, picture.height + 14))
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((left - 1, picture.height + 13, left + 120, picture.height + 26), outline="gray")
    middle = picture.height + 20
    pen.text((left - 8, middle), low, "black", font, anchor="rm")
    pen.text((left + 128, middle), high, "black", font, anchor="lm")
    return sheet


def require_one_image(image: Tensor) -> None:
    """Raises `ShapeError` unless a tensor is one image (C, H, W)."""
    if image.ndim != 3 or 0 in image.shape:
        raise ShapeError(
            f"image of shape {tuple(image.shape)}: pass one (C, H, W), such as images[0] of a batch"
        )


def _hatch(canvas: Image, box: Box, inside: Box, color: str) -> None:
    from PIL import Image, ImageDraw

    top, left, bottom, right = box
    height, width = bottom - top, right - left
    if height < 1 or width < 1:
        raise OptionError("a position belongs to an output that sees nothing")
    lines = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(lines)
    for start in range(-height, width, HATCH):
        pen.line((start, height, start + height, 0), fill=255, width=2)
    pen.rectangle(
        (inside[1] - left, inside[0] - top, inside[3] - left - 1, inside[2] - top - 1), fill=0
    )
    canvas.paste(Image.new("RGB", (width, height), color), (left, top), lines)
