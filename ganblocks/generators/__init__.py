"""Generators: image to image, super-resolution, autoencoder, and latent to image."""

import ganblocks.generators.presets  # noqa: F401
from ganblocks.generators.autoencoder import Autoencoder
from ganblocks.generators.edsr import EDSRGenerator
from ganblocks.generators.latent import LatentGenerator
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.resnet import ResNetGenerator
from ganblocks.generators.unet import UNetGenerator
from ganblocks.generators.unet_dialect import UNetDialect

__all__ = [
    "GENERATORS",
    "Autoencoder",
    "EDSRGenerator",
    "LatentGenerator",
    "ResNetGenerator",
    "UNetDialect",
    "UNetGenerator",
]
