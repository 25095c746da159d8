"""Losses: objects that compute, and never step an optimiser."""

from ganblocks.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    LSGANLoss,
    VanillaLoss,
    mean_logit,
)
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES, L1Loss

__all__ = [
    "ADVERSARIAL_LOSSES",
    "RECONSTRUCTION_LOSSES",
    "AdversarialLoss",
    "L1Loss",
    "LSGANLoss",
    "VanillaLoss",
    "mean_logit",
]
