"""The receptive-field calculator."""

from ganblocks.rf.calculator import receptive_field
from ganblocks.rf.counting import coverage
from ganblocks.rf.draw import draw_coverage, draw_receptive_field
from ganblocks.rf.effective import EffectiveField, effective_receptive_field
from ganblocks.rf.explain import explain_logits
from ganblocks.rf.field import ReceptiveField
from ganblocks.rf.layers import Layer
from ganblocks.rf.probe import probe_receptive_field
from ganblocks.rf.rules import register_rule
from ganblocks.rf.taps import Taps, steps, transposed_window, window
from ganblocks.rf.verify import Disagreement, verify_receptive_field

__all__ = [
    "Disagreement",
    "EffectiveField",
    "Layer",
    "ReceptiveField",
    "Taps",
    "coverage",
    "draw_coverage",
    "draw_receptive_field",
    "effective_receptive_field",
    "explain_logits",
    "probe_receptive_field",
    "receptive_field",
    "register_rule",
    "steps",
    "transposed_window",
    "verify_receptive_field",
    "window",
]
