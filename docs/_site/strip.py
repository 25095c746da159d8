"""The strip of pictures on the home page and in the README: drawn label maps, generated photos.

`python docs/_site/strip.py` writes it anew. Maps are drawn by `SyntheticFacades`; the generator is
that of the page on which people draw, trained on real facades.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from ganblocks import SyntheticFacades, generate, load
from ganblocks.data import CMP_PALETTE, LabelFormat, rgb_to_classes
from ganblocks.data.palette import classes_to_rgb
from ganblocks.pictures import to_picture

RUN = Path(__file__).parent / "facades"
PATH = Path(__file__).parents[1] / "images" / "strip.webp"

SIDE = 256
EPOCHS = (13, 6, 20, 5, 17, 1, 21, 22)
"""The epoch that each house is from, picked for variety; phones show only the first four."""


def strip() -> Image.Image:
    """Returns a picture of two rows: label maps, and the generator's photos of them."""
    houses = [_house(epoch, SIDE) for epoch in EPOCHS]
    sources = LabelFormat(CMP_PALETTE).encode(torch.stack(houses)[:, None].byte())
    photos = generate(load(RUN), sources, mode="mean")
    sheet = Image.new("RGB", (SIDE * len(houses), 2 * SIDE))
    for column, (classes, photo) in enumerate(zip(houses, photos, strict=True)):
        labels = Image.fromarray(classes_to_rgb(classes).movedim(0, -1).numpy())
        sheet.paste(labels, (column * SIDE, 0))
        sheet.paste(to_picture(photo), (column * SIDE, SIDE))
    return sheet


def label_maps(side: int) -> torch.Tensor:
    """Returns the label maps of the strip: uint8 colors (N, 3, side, side)."""
    return torch.stack([classes_to_rgb(_house(epoch, side)) for epoch in EPOCHS])


def _house(epoch: int, side: int) -> torch.Tensor:
    """Returns the classes of a house that fills the picture, below a strip of sky, as CMP's do."""
    classes = rgb_to_classes(SyntheticFacades(2, SIDE).read(epoch, 1)[1])
    rows, columns = (classes.any(side).nonzero().flatten().tolist() for side in (1, 0))
    top, bottom = rows[0], rows[-1] + 1
    sky = (bottom - top) // 7
    filled = classes[top - sky : bottom, columns[0] : columns[-1] + 1]
    resized = torch.nn.functional.interpolate(
        filled[None, None].float(), (side, side), mode="nearest-exact"
    )
    return resized[0, 0].long()


if __name__ == "__main__":
    strip().save(PATH, "WEBP", quality=82, method=6)
