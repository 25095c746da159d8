"""What PatchGANs of several depths see of a facade, and how often they see each pixel."""

from __future__ import annotations

from _site.gallery_picture import png
from _site.guides_data import fronts
from ganblocks import PatchDiscriminator, draw_receptive_field
from ganblocks.rf import draw_coverage

SIZE = 256


def patch_pictures() -> dict[str, bytes]:
    """Returns the patches of two logits for each depth, and the coverage of the 70×70 PatchGAN."""
    photo = fronts(1, size=SIZE, split="val")[0]["target"]
    pictures = {}
    for n_layers in (1, 3, 4, 5):
        discriminator = PatchDiscriminator(6, base_channels=8, n_layers=n_layers)
        field = discriminator.receptive_field
        rows, columns = discriminator.output_size(SIZE, SIZE)
        places = [(0, 0), (rows // 2, columns // 2)]
        side = field.size[0]
        pictures[f"patch-{side}"] = png(draw_receptive_field(photo[0], field, places))
        if side == 70:
            pictures[f"coverage-{side}"] = png(draw_coverage(field, photo[0]))
    return pictures
