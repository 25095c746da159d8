"""GAN building blocks for PyTorch."""

from ganblocks._version import __version__

__all__ = ["__version__"]
