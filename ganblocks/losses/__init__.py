"""Losses and penalties, which only compute and never step an optimizer."""

from ganblocks.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    HingeLoss,
    LSGANLoss,
    SaturatingLoss,
    VanillaLoss,
    WGANLoss,
)
from ganblocks.losses.features import (
    FEATURE_LOSSES,
    FeatureLoss,
    FeatureMatchingLoss,
    PerceptualLoss,
    StyleLoss,
)
from ganblocks.losses.objective import Objective
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
from ganblocks.losses.reconstruction import (
    RECONSTRUCTION_LOSSES,
    CharbonnierLoss,
    GradientDifferenceLoss,
    HuberLoss,
    L1Loss,
    L2Loss,
    ReconstructionLoss,
    TotalVariationLoss,
)
from ganblocks.losses.relativistic import RaGANLoss, RelativisticLoss, RpGANLoss
from ganblocks.losses.structure import FocalFrequencyLoss, MSSSIMLoss, SSIMLoss
from ganblocks.losses.terms import LossTerms

__all__ = [
    "ADVERSARIAL_LOSSES",
    "FEATURE_LOSSES",
    "PENALTIES",
    "RECONSTRUCTION_LOSSES",
    "AdversarialLoss",
    "CharbonnierLoss",
    "ConsistencyPenalty",
    "DRAGANPenalty",
    "FeatureLoss",
    "FeatureMatchingLoss",
    "FocalFrequencyLoss",
    "GradientDifferenceLoss",
    "HingeLoss",
    "HuberLoss",
    "L1Loss",
    "L2Loss",
    "LSGANLoss",
    "LeCamPenalty",
    "LossTerms",
    "MSSSIMLoss",
    "Objective",
    "Penalty",
    "PerceptualLoss",
    "R1Penalty",
    "R1R2Penalty",
    "R2Penalty",
    "RaGANLoss",
    "ReconstructionLoss",
    "RelativisticLoss",
    "RpGANLoss",
    "SSIMLoss",
    "SaturatingLoss",
    "StyleLoss",
    "TotalVariationLoss",
    "VanillaLoss",
    "WGANGPPenalty",
    "WGANLoss",
]
