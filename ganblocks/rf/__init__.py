"""The receptive-field calculator."""

from ganblocks.rf.geometry import ReceptiveField

__all__ = ["ReceptiveField"]
