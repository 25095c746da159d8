"""Procedurally drawn facades, endless and without a download."""

from ganblocks.data.synthetic.dataset import SyntheticFacades

__all__ = ["SyntheticFacades"]
