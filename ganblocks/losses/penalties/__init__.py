"""Penalties: what keeps a discriminator smooth, beside its loss."""

from ganblocks.losses.penalties.base import PENALTIES, Penalty
from ganblocks.losses.penalties.consistency import ConsistencyPenalty
from ganblocks.losses.penalties.gradients import (
    DRAGANPenalty,
    R1Penalty,
    R1R2Penalty,
    R2Penalty,
    WGANGPPenalty,
)
from ganblocks.losses.penalties.lecam import LeCamPenalty

__all__ = [
    "PENALTIES",
    "ConsistencyPenalty",
    "DRAGANPenalty",
    "LeCamPenalty",
    "Penalty",
    "R1Penalty",
    "R1R2Penalty",
    "R2Penalty",
    "WGANGPPenalty",
]
