"""Loads trained networks and translates pictures with them."""

from ganblocks.inference.loading import load
from ganblocks.inference.translation import generate, translate

__all__ = ["generate", "load", "translate"]
