"""Differentiable augmentation of the discriminator's inputs."""

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.augment.diff_augment import ColorJitter, Cutout, DiffAugment, Translation

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "ColorJitter",
    "Cutout",
    "DiffAugment",
    "Translation",
]
