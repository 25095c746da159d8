"""The version number."""

__version__ = "0.1.0"
"""Version of this package, as PEP 440 writes it."""
