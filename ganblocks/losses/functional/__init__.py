"""The formulas of losses and penalties that torch lacks, as functions of tensors."""

from ganblocks.losses.functional.adversarial import (
    RELATIVISTIC_FORMS,
    hinge_discriminator,
    lsgan_discriminator,
    lsgan_generator,
    negative_logits,
    relativistic_average,
    relativistic_paired,
    saturating_generator,
    vanilla_discriminator,
    vanilla_generator,
    wgan_discriminator,
)
from ganblocks.losses.functional.features import gram, weighted_gram, weighted_l1
from ganblocks.losses.functional.frequency import focal_frequency, focal_weights, frequency_distance
from ganblocks.losses.functional.penalties import gradient_norm_penalty, half_squared_norm, lecam
from ganblocks.losses.functional.pixels import charbonnier, gradient_difference, total_variation
from ganblocks.losses.functional.reducing import REDUCTIONS, full_precision, reduce
from ganblocks.losses.functional.structure import MS_SSIM_WEIGHTS, ms_ssim, ssim

__all__ = [
    "MS_SSIM_WEIGHTS",
    "REDUCTIONS",
    "RELATIVISTIC_FORMS",
    "charbonnier",
    "focal_frequency",
    "focal_weights",
    "frequency_distance",
    "full_precision",
    "gradient_difference",
    "gradient_norm_penalty",
    "gram",
    "half_squared_norm",
    "hinge_discriminator",
    "lecam",
    "lsgan_discriminator",
    "lsgan_generator",
    "ms_ssim",
    "negative_logits",
    "reduce",
    "relativistic_average",
    "relativistic_paired",
    "saturating_generator",
    "ssim",
    "total_variation",
    "vanilla_discriminator",
    "vanilla_generator",
    "weighted_gram",
    "weighted_l1",
    "wgan_discriminator",
]
