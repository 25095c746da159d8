"""Differentiable augmentation: what the discriminator sees is varied, and gradients pass."""

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.augment.parts import ColorJitter, Cutout, Translation
from ganblocks.augment.policy import DiffAugment

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "ColorJitter",
    "Cutout",
    "DiffAugment",
    "Translation",
]
