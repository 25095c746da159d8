"""Translates the same labels with each choice of dropout and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from _site.gallery_picture import png
from _site.guides_data import SIZE, fronts, small_training
from ganblocks import (
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    SyntheticFacades,
    UNetGenerator,
    Updater,
    generate,
)
from ganblocks.pictures import grid, to_picture
from ganblocks.training import mean_l1

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

STEPS = 500
SHOWN = (0, 2, 6, 9)  # held-out facades of different styles
HELD_OUT = SyntheticFacades(20, SIZE, split="val")
CHOICES = {
    'mode="sample"': ("always", "image"),
    'mode="mean"': ("train", "image"),
    'mode="running"': ("train", "running"),
}
SCALE = 2
LINE = 26


def statistics_sheet() -> bytes:
    """Trains a small pix2pix, and returns a picture of its outputs for each choice."""
    held_out = fronts(max(SHOWN) + 1, split="val")
    labels, photos = ([held_out[i][side] for i in SHOWN] for side in ("source", "target"))
    rows = {"labels": labels, "photo": photos}
    with small_training():
        trained = _trained().state_dict()
        for title, (dropout_mode, statistics) in CHOICES.items():
            generator = _generator(dropout_mode)
            generator.load_state_dict(trained)
            l1 = mean_l1(generator, HELD_OUT, statistics=statistics)
            mode = title.split('"')[1]
            outputs = [generate(generator, image, mode=mode) for image in labels]
            rows[f"{title}: L1 {l1:.3f}"] = outputs
    return png(_sheet(rows))


def _generator(dropout_mode: str) -> nn.Module:
    return UNetGenerator(
        base_channels=16,
        num_downs=5,
        dialect={"type": "port", "dropout_levels": "paper"},
        dropout_mode=dropout_mode,
    )


def _trained() -> nn.Module:
    generator = _generator("always")
    discriminator = PatchDiscriminator(6, base_channels=16, n_layers=2)
    objective = Objective(
        {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}, discriminator_weight=0.5
    )
    adam = {"type": "adam", "lr": 2e-3}
    updater = Updater(PairedTranslation(generator, discriminator, objective, optimizer=adam))
    for batch in fronts(STEPS):
        updater.step(batch)
    return generator


def _sheet(rows: dict[str, list[Tensor]]) -> Picture:
    """Returns a picture of the rows, each below its title."""
    font = ImageFont.load_default(size=17)
    strips = [to_picture(grid([[image[0] for image in row]])) for row in rows.values()]
    width, height = strips[0].width * SCALE, strips[0].height * SCALE
    sheet = Image.new("RGB", (width, len(rows) * (height + LINE)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (title, strip) in enumerate(zip(rows, strips, strict=True)):
        top = number * (height + LINE)
        pen.text((4 * SCALE, top + LINE), title, "black", font, anchor="ld")
        enlarged = strip.resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (0, top + LINE))
    return sheet
