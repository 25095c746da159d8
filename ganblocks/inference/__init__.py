"""Using a finished run: loading and translating."""

from ganblocks.inference.loading import load
from ganblocks.inference.translation import generate, translate

__all__ = ["generate", "load", "translate"]
