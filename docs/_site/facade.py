"""The facade that the receptive-field page draws its patches on."""

from __future__ import annotations

from io import BytesIO

from ganblocks import SyntheticFacades
from ganblocks.pictures import to_picture

PATH = "assets/images/facade.webp"
SEED = 7  # a blue house, in contrast with the patch's orange frame
SIDE = 512


def files() -> dict[str, bytes]:
    """Returns the facade: path in the site → picture."""
    photo = SyntheticFacades(length=1, size=SIDE, seed=SEED)[0]["target"]
    file = BytesIO()
    to_picture(photo).save(file, "WEBP", quality=85, method=6)
    return {PATH: file.getvalue()}
