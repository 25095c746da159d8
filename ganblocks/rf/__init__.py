"""The receptive-field calculator."""

from ganblocks.rf.analysis import receptive_field
from ganblocks.rf.geometry import ReceptiveField
from ganblocks.rf.layers import Layer
from ganblocks.rf.rules import register_rule
from ganblocks.rf.taps import Taps, steps, transposed_window, window

__all__ = [
    "Layer",
    "ReceptiveField",
    "Taps",
    "receptive_field",
    "register_rule",
    "steps",
    "transposed_window",
    "window",
]
