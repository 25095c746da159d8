"""Other code bases' state dicts: under which keys they hold what ours hold. No networks here."""

from ganblocks.reference_weights.layout import fitting, misfit, misfits
from ganblocks.reference_weights.reading import read_weights, unwrapped
from ganblocks.reference_weights.translating import (
    patch_from_reference,
    pixel_from_reference,
    resnet_from_reference,
    unet_from_reference,
)
from ganblocks.reference_weights.writing import to_reference

__all__ = [
    "fitting",
    "misfit",
    "misfits",
    "patch_from_reference",
    "pixel_from_reference",
    "read_weights",
    "resnet_from_reference",
    "to_reference",
    "unet_from_reference",
    "unwrapped",
]
