"""Rules for how operations change receptive fields."""

import ganblocks.rf.rules.convolving
import ganblocks.rf.rules.mixing
import ganblocks.rf.rules.norming
import ganblocks.rf.rules.padding
import ganblocks.rf.rules.pointwise
import ganblocks.rf.rules.pooling
import ganblocks.rf.rules.resizing
import ganblocks.rf.rules.shaping  # noqa: F401
from ganblocks.rf.rules.table import RULES, register_rule

__all__ = ["RULES", "register_rule"]
