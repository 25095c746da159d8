"""Converts tensors to pictures and back, maps values to colors, and makes grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import DataError, OptionError, ShapeError, listed, require_count

__all__ = ["from_picture", "grid", "to_bytes", "to_picture"]

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's color modes by number of channels."""

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


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
    """Returns a Pillow picture of one image.

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
            f"a tensor of shape {tuple(image.shape)} is not a picture: pass (C, H, W) with "
            f"{listed(PICTURE_MODES)} channels, such as image[:1]",
            see="channels-and-bit-depth",
        )
    pixels = image if image.dtype == torch.uint8 else to_bytes(image)
    array = pixels.permute(1, 2, 0).squeeze(-1).contiguous().numpy()
    return Image.fromarray(array)


@checked
def from_picture(picture: Image, channels: int) -> Tensor:
    """Returns the uint8 pixels (channels, H, W) of a Pillow picture, upright.

    Args:
        picture: A picture with 8 bits per channel; its EXIF orientation is applied.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).

    Raises:
        ShapeError: `channels` is not one of these.
        DataError: The picture has more than 8 bits per channel or several frames; or `channels`
            would lose its transparency, or merge the colors of its palette.

    Examples:
        >>> from PIL import Image
        >>> from_picture(Image.new("L", (5, 4)), channels=3).shape
        torch.Size([3, 4, 5])
    """
    import numpy as np
    import PIL.Image
    from PIL import ImageOps

    if channels not in PICTURE_MODES:
        raise ShapeError(
            f"channels is {channels!r}: write one of {listed(PICTURE_MODES)}",
            see="channels-and-bit-depth",
        )
    if not isinstance(picture, PIL.Image.Image):
        raise DataError(f"{picture!r} is not a Pillow picture: open it with PIL.Image.open")
    _require_plain(picture)
    upright: Image = ImageOps.exif_transpose(picture)
    _require_kept(upright, channels)
    if upright.mode == "P":  # Pillow warns if alpha is lost on the way to RGB
        upright = upright.convert("RGBA")
    upright = upright.convert(PICTURE_MODES[channels])
    pixels = torch.from_numpy(np.array(upright))
    return pixels.reshape(upright.height, upright.width, channels).permute(2, 0, 1).contiguous()


def _require_plain(picture: Image) -> None:
    """Raises `DataError` if a picture has more than 8 bits per channel, or several frames."""
    # Pillow opens colors of 16 bits as 8: only the decoder's mode names them, before it has run.
    decoders = [str(tile[3]) for tile in getattr(picture, "tile", ())]
    deep = any(";16" in decoder for decoder in decoders if "BGR;16" not in decoder)  # 5, 6, 5 bits
    if picture.mode in _DEEP_MODES or deep:
        raise DataError(
            f"mode {picture.mode} has more than 8 bits per channel: convert it to 8 bits",
            see="channels-and-bit-depth",
        )
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # a camera's JPEG, with previews behind the photo
        raise DataError(
            f"it has {frames} frames or pages: save each as a picture", see="channels-and-bit-depth"
        )


def _require_kept(picture: Image, channels: int) -> None:
    """Raises `DataError` if the conversion to `channels` would lose what the picture shows."""
    if channels < 4 and picture.has_transparency_data:
        least = picture.convert("RGBA").getchannel("A").getextrema()[0]
        if least != 255:
            raise DataError(
                f"it has transparent pixels (alpha from {least}): flatten it on a background, or "
                "read it with channels=4",
                see="channels-and-bit-depth",
            )
    if channels == 1 and picture.mode in ("P", "PA"):
        colors = picture.convert("RGB").getcolors(256) or []
        if any(not red == green == blue for _, (red, green, blue) in colors):  # type: ignore[misc]
            raise DataError(
                f"its palette has {len(colors)} colors, which channels=1 would merge: read it with "
                "channels=3",
                see="channels-and-bit-depth",
            )


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
