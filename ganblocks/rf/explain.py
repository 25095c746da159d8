"""A discriminator's logits as heat over the image that it judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.pictures import as_rgb, heat, to_bytes, to_picture
from ganblocks.rf.analysis import receptive_field
from ganblocks.rf.draw import LEAST, blended, with_bar
from ganblocks.rf.geometry import ReceptiveField
from ganblocks.rf.outputs import named_outputs

if TYPE_CHECKING:
    from PIL.Image import Image

GAP = 6


def explain_logits(
    discriminator: nn.Module, image: Tensor, condition: Tensor | None = None
) -> Image:
    """Shows where a discriminator finds an image real (blue) or fake (orange).

    Each pixel is colored by the mean of the logits that see it; pixels that none sees stay
    gray. The image stands beside, and each scale of a multi-scale discriminator has a map.

    Args:
        discriminator: Gives logits, of one scale or several. It is run as it is, in its mode.
        image: (C, H, W) in [-1, 1].
        condition: What the image was made from, for discriminators that judge
            `torch.cat((condition, image))`.

    Returns:
        The pictures in a row, with a bar of the colors.

    Raises:
        ShapeError: `image` is not one image, or does not fit the discriminator.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> discriminator = PatchDiscriminator(in_channels=3, base_channels=2)
        >>> explain_logits(discriminator, torch.zeros(3, 128, 128)).size
        (1030, 552)
    """
    if image.ndim != 3 or (condition is not None and condition.ndim != 3):
        raise ShapeError(
            f"image of shape {tuple(image.shape)}: give one (C, H, W), of a batch images[0]"
        )
    judged = image if condition is None else torch.cat((condition, image))
    with torch.no_grad():
        made = discriminator(judged[None])
    fields = receptive_field(discriminator, tuple(judged.shape))
    maps, scales = named_outputs(made), named_outputs(fields)
    means = [_spread(maps[key][0, 0], field) for key, field in scales.items()]
    known = torch.cat([mean[~mean.isnan()] for mean in means])
    most = max(known.abs().max().item(), 1e-6) if len(known) else 1.0
    tiles = [to_bytes(as_rgb(image))]
    for mean in means:
        colors = heat(mean.nan_to_num() / most, two_sided=True)
        mixed = blended(image, colors)
        gray = blended(image, torch.zeros_like(colors), share=0.0)
        tiles.append(torch.where(mean.isnan(), gray, mixed))
    return with_bar(_row(tiles), f"fake {-most:.2g}", f"{most:.2g} real", two_sided=True)


def _spread(logits: Tensor, field: ReceptiveField) -> Tensor:
    """Returns each pixel the mean of the logits that see it; not a number where none does."""
    supports = torch.from_numpy(field.supports()).flatten(0, 1)
    values = logits.detach().double().cpu().flatten()
    height, width = field.input_size
    sums, counts = (_boxed(v, supports, height, width) for v in (values, torch.ones_like(values)))
    return torch.where(counts > 0.5, sums / counts.clamp(min=1), torch.nan)


def _boxed(values: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """Adds up the values of all boxes that hold a pixel."""
    marks = torch.zeros(height + 1, width + 1, dtype=values.dtype)
    top, left, bottom, right = boxes.T
    corners: list[tuple[Tensor, Tensor, Any]] = [
        (top, left, values),
        (top, right, -values),
        (bottom, left, -values),
        (bottom, right, values),
    ]
    for row, column, value in corners:
        marks.index_put_((row, column), value, accumulate=True)
    return marks.cumsum(0).cumsum(1)[:height, :width]


def _row(tiles: list[Tensor]) -> Image:
    from PIL import Image

    pictures = [to_picture(tile) for tile in tiles]
    width, height = pictures[0].size
    scale = max(1, -(-LEAST // max(width, height)))
    size = (width * scale, height * scale)
    sheet = Image.new("RGB", ((size[0] + GAP) * len(tiles) - GAP, size[1]), "white")
    for number, picture in enumerate(pictures):
        large = picture.resize(size, Image.Resampling.NEAREST)
        sheet.paste(large, (number * (size[0] + GAP), 0))
    return sheet
