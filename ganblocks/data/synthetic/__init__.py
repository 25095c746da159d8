"""Procedurally drawn facades: endless, no download."""

from ganblocks.data.synthetic.dataset import SyntheticFacades

__all__ = ["SyntheticFacades"]
