"""Using a finished run: loading and translating."""

from ganblocks.inference.load import load
from ganblocks.inference.translate import generate, translate

__all__ = ["generate", "load", "translate"]
