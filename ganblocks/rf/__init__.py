"""The receptive-field calculator."""

from ganblocks.rf.analysis import receptive_field
from ganblocks.rf.geometry import ReceptiveField
from ganblocks.rf.layers import Layer
from ganblocks.rf.probe import probe_receptive_field
from ganblocks.rf.rules import register_rule
from ganblocks.rf.taps import Taps, steps, transposed_window, window
from ganblocks.rf.verify import Disagreement, verify_receptive_field

__all__ = [
    "Disagreement",
    "Layer",
    "ReceptiveField",
    "Taps",
    "probe_receptive_field",
    "receptive_field",
    "register_rule",
    "steps",
    "transposed_window",
    "verify_receptive_field",
    "window",
]
