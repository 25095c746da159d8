"""The building front on which the receptive-field page draws its patches."""

from __future__ import annotations

from io import BytesIO

from ganblocks import SyntheticFacades
from ganblocks.pictures import to_picture

PATH = "assets/images/facade.webp"
SEED = 7  # a blue house: the patch's orange frame stands out from it
SIDE = 512


def made() -> dict[str, bytes]:
    """Draws the front: path in the site → picture."""
    photo = SyntheticFacades(length=1, size=SIDE, seed=SEED)[0]["target"]
    written = BytesIO()
    to_picture(photo).save(written, "WEBP", quality=85, method=6)
    return {PATH: written.getvalue()}
