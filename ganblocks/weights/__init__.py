"""Reads and checks state dicts, and converts the layouts of other code bases.

Each foreign layout is one file with a `Format`; `layout.py` describes how to add one.
"""

from ganblocks.weights.io import read_weights
from ganblocks.weights.translation import FromReference, to_reference

__all__ = ["FromReference", "read_weights", "to_reference"]
