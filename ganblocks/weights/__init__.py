"""State dicts: reading and checking them, and translating other code bases' layouts.

A foreign layout is one file with a `Format`, which is listed in `formats.py`. No networks here.
"""

from ganblocks.weights.io import read_weights
from ganblocks.weights.translation import to_reference

__all__ = [
    "read_weights",
    "to_reference",
]
