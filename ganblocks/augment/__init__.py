"""Differentiable augmentation: what the discriminator sees is varied, and gradients pass."""

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.augment.parts import ColourJitter, Cutout, Translation
from ganblocks.augment.policy import DiffAugment

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "ColourJitter",
    "Cutout",
    "DiffAugment",
    "Translation",
]
