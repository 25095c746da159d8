"""The slider of patch sizes, and how often a PatchGAN sees each pixel."""

from __future__ import annotations

from _site.gallery_discriminators import slider
from _site.gallery_picture import png
from _site.guides_data import fronts
from ganblocks import PatchDiscriminator
from ganblocks.rf import draw_coverage

SIZE = 256
INSERTS = {"<!-- patch slider -->": slider}
"""Placeholders in pages → functions that return the text for them."""


def coverage_picture() -> bytes:
    """Returns the coverage of the 70×70 PatchGAN over a photo, without the bar below it."""
    photo = fronts(1, size=SIZE, split="val")[0]["target"]
    picture = draw_coverage(PatchDiscriminator(6, base_channels=8).receptive_field, photo[0])
    return png(picture.crop((0, 0, picture.width, picture.width)))
