"""State dicts: reading and checking them, and translating other code bases' layouts.

A foreign layout is one file with a `Format`, which is listed in `formats.py`. No networks here.
"""

from ganblocks.weights.io import fitting_weights, plain_state_dict, read_weights
from ganblocks.weights.translation import build_from_reference, from_reference, to_reference

__all__ = [
    "build_from_reference",
    "fitting_weights",
    "from_reference",
    "plain_state_dict",
    "read_weights",
    "to_reference",
]
