"""A discriminator's logits as a heat map over the image that it scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.pictures import as_rgb, heat, to_bytes, to_picture
from ganblocks.rf.calculator import receptive_field
from ganblocks.rf.counting import sums_over_supports
from ganblocks.rf.draw import blended, enlarged, require_one_image, with_bar
from ganblocks.rf.field import ReceptiveField
from ganblocks.rf.outputs import kept_buffers, named_outputs

if TYPE_CHECKING:
    from PIL.Image import Image

GAP = 6


@checked
def explain_logits(
    discriminator: nn.Module, image: Tensor, condition: Tensor | None = None
) -> Image:
    """Shows where a discriminator finds an image real (blue) or fake (orange).

    Each pixel is colored by the mean of the logits that see it; pixels that no logit sees stay
    gray. The result shows the image, then a map for each scale of the discriminator.

    Args:
        discriminator: Returns logits, of one scale or several. It runs in its current mode, and
            stays unchanged.
        image: (C, H, W) in [-1, 1].
        condition: The generator's input, for discriminators of `torch.cat((condition, image))`.

    Returns:
        A PIL image of the row, with a color bar.

    Raises:
        ShapeError: `image` is not one image, or does not fit the discriminator.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> discriminator = PatchDiscriminator(in_channels=3, base_channels=2)
        >>> explain_logits(discriminator, torch.zeros(3, 128, 128)).size
        (1030, 552)
    """
    for given in (image,) if condition is None else (image, condition):
        require_one_image(given)
    scored = image if condition is None else torch.cat((condition, image))
    with torch.no_grad(), kept_buffers(discriminator):
        logits = named_outputs(discriminator(scored[None]))
    fields = named_outputs(receptive_field(discriminator, tuple(scored.shape)))
    means = [_mean_logits(logits[key][0, 0], field) for key, field in fields.items()]
    known = torch.cat([mean[~mean.isnan()] for mean in means])
    most = max(known.abs().max().item(), 1e-6) if len(known) else 1.0
    tiles = [to_bytes(as_rgb(image))]
    for mean in means:
        colors = heat(mean.nan_to_num() / most, two_sided=True)
        gray = blended(image, torch.zeros_like(colors), share=0.0)
        tiles.append(torch.where(mean.isnan(), gray, blended(image, colors)))
    return with_bar(_row(tiles), f"fake {-most:.2g}", f"{most:.2g} real", two_sided=True)


def _mean_logits(logits: Tensor, field: ReceptiveField) -> Tensor:
    """Returns, for each pixel, the mean of the logits that see it, or NaN."""
    values = logits.detach().double().cpu().flatten()
    counts = sums_over_supports(field, torch.ones_like(values))
    sums = sums_over_supports(field, values)
    return torch.where(counts > 0.5, sums / counts.clamp(min=1), torch.nan)


def _row(tiles: list[Tensor]) -> Image:
    from PIL import Image

    pictures = [enlarged(to_picture(tile)) for tile in tiles]
    width, height = pictures[0].size
    sheet = Image.new("RGB", ((width + GAP) * len(tiles) - GAP, height), "white")
    for n, picture in enumerate(pictures):
        sheet.paste(picture, (n * (width + GAP), 0))
    return sheet
