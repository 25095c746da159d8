"""Receptive fields drawn over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError
from ganblocks.pictures import as_rgb, heat, to_bytes, to_picture
from ganblocks.rf.counting import coverage, require_two_axes
from ganblocks.rf.geometry import Box, ReceptiveField

if TYPE_CHECKING:
    from PIL.Image import Image

COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colors of the boxes, which the color-blind tell apart (Okabe and Ito)."""

MARGIN = 6
HATCH = 7  # pixels between the lines of the hatching
LEAST = 480  # pixels of the picture's longer side, so that lines can be read


def draw_receptive_field(
    image: Tensor, field: ReceptiveField, positions: Sequence[Sequence[int]]
) -> Image:
    """Draws what some outputs see over a photo; what lies in the padding is hatched.

    Args:
        image: (C, H, W) in [-1, 1].
        field: Of the network, on two-dimensional images.
        positions: Places (i, j) of outputs.

    Returns:
        A picture, larger than the image by what the boxes need; small images are enlarged.

    Raises:
        OptionError: The field has other than two axes, or a position names no output.
        ShapeError: `image` is not one image.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> field = PatchDiscriminator(6, base_channels=2).receptive_field
        >>> draw_receptive_field(torch.zeros(3, 256, 256), field, [(0, 0), (15, 20)]).size
        (570, 570)
    """
    from PIL import Image, ImageDraw

    require_two_axes(field)
    picture = _photo(image)
    boxes = [field.box(*position) for position in positions]
    scale = max(1, -(-LEAST // max(picture.size)))
    width, height = picture.width * scale, picture.height * scale
    reach = [
        (-top * scale, -left * scale, bottom * scale - height, right * scale - width)
        for top, left, bottom, right in boxes
    ]
    reach.append((0, 0, 0, 0))
    above, before, below, beyond = (max(0, *sides) + MARGIN for sides in zip(*reach, strict=True))
    canvas = Image.new("RGB", (before + width + beyond, above + height + below), "white")
    canvas.paste(picture.resize((width, height), Image.Resampling.NEAREST), (before, above))
    pen = ImageDraw.Draw(canvas)
    inside = (above, before, above + height, before + width)
    pen.rectangle((before - 1, above - 1, before + width, above + height), outline="#808080")
    for number, (top, left, bottom, right) in enumerate(boxes):
        color = COLORS[number % len(COLORS)]
        box = (
            top * scale + above,
            left * scale + before,
            bottom * scale + above,
            right * scale + before,
        )
        _hatch(canvas, box, inside, color)
        pen.rectangle((box[1], box[0], box[3] - 1, box[2] - 1), outline=color, width=3)
        row, column = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        pen.ellipse((column - 4, row - 4, column + 4, row + 4), fill=color, outline="white")
    return canvas


def draw_coverage(field: ReceptiveField, image: Tensor | None = None) -> Image:
    """Draws how many outputs see each pixel, from dark blue (fewest) to yellow (most).

    Args:
        field: Of the network, on two-dimensional images.
        image: (C, H, W) in [-1, 1] of the size that was walked, to lie under the colors.

    Returns:
        A picture with a bar of the colors below; small images are enlarged.

    Raises:
        OptionError: The field was written by hand, or has other than two axes.
        ShapeError: `image` has another size.

    Examples:
        >>> from ganblocks import receptive_field
        >>> draw_coverage(receptive_field(torch.nn.Conv2d(3, 1, 9, 2), (240, 240))).size
        (480, 520)
    """
    counts = coverage(field)
    low, high = int(counts.min()), int(counts.max())
    colors = heat((counts - low) / max(1, high - low))
    if image is not None:
        if tuple(image.shape[-2:]) != tuple(counts.shape):
            raise ShapeError(
                f"image of {image.shape[-2]}×{image.shape[-1]}: the field was walked at "
                f"{counts.shape[0]}×{counts.shape[1]}. Take receptive_field(network, "
                f"{tuple(image.shape[-2:])})"
            )
        colors = blended(image, colors)
    picture = _enlarged(to_picture(colors))
    return with_bar(picture, f"{low} outputs", f"{high} see a pixel", two_sided=False)


def blended(image: Tensor, colors: Tensor, share: float = 0.6) -> Tensor:
    """Lays colors (3, H, W) over an image made gray."""
    gray = to_bytes(as_rgb(image)).float().mean(0, keepdim=True)
    return (share * colors.float() + (1 - share) * gray).round().to(torch.uint8)


def with_bar(picture: Image, low: str, high: str, *, two_sided: bool) -> Image:
    """Adds a bar of the colors below, with what its ends stand for."""
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


def _photo(image: Tensor) -> Image:
    if image.ndim != 3 or 0 in image.shape:
        raise ShapeError(
            f"image of shape {tuple(image.shape)}: give one (C, H, W), of a batch images[0]"
        )
    return to_picture(as_rgb(image))


def _enlarged(picture: Image) -> Image:
    from PIL import Image

    scale = max(1, -(-LEAST // max(picture.size)))
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def _hatch(canvas: Image, box: Box, inside: Box, color: str) -> None:
    """Hatches the part of a box that lies outside the image."""
    from PIL import Image, ImageDraw

    top, left, bottom, right = box
    height, width = bottom - top, right - left
    if height < 1 or width < 1:
        raise OptionError("a position names an output that sees nothing")
    lines = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(lines)
    for start in range(-height, width, HATCH):
        pen.line((start, height, start + height, 0), fill=255, width=2)
    pen.rectangle(
        (inside[1] - left, inside[0] - top, inside[3] - left - 1, inside[2] - top - 1), fill=0
    )
    canvas.paste(Image.new("RGB", (width, height), color), (left, top), lines)
