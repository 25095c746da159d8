"""Discriminators: images in, logits out."""

import ganblocks.discriminators.presets  # noqa: F401
from ganblocks.discriminators.multiscale import MultiScaleDiscriminator
from ganblocks.discriminators.patch import PatchDiscriminator
from ganblocks.discriminators.pixel import PixelDiscriminator
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.discriminators.residual import ResidualDiscriminator
from ganblocks.discriminators.suggest import PatchSuggestion, suggest_patch_discriminator

__all__ = [
    "DISCRIMINATORS",
    "MultiScaleDiscriminator",
    "PatchDiscriminator",
    "PatchSuggestion",
    "PixelDiscriminator",
    "ResidualDiscriminator",
    "suggest_patch_discriminator",
]
