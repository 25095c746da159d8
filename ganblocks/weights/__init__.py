"""State dicts: reading and checking them, and translating other code bases' layouts.

A foreign layout is one file with a `Format`; `layout.py` describes how to add one.
"""

from ganblocks.weights.io import read_weights
from ganblocks.weights.translation import FromReference, to_reference

__all__ = ["FromReference", "read_weights", "to_reference"]
