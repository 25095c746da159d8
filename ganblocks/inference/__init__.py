"""Loads trained networks and translates pictures with them."""

from ganblocks.inference.loading import load
from ganblocks.inference.modes import with_mode
from ganblocks.inference.translation import generate, translate
from ganblocks.inference.translator import Translator

__all__ = ["Translator", "generate", "load", "translate", "with_mode"]
