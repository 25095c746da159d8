"""Generators: image in, image out, of any size."""

import ganblocks.generators.presets  # noqa: F401
from ganblocks.generators.registry import GENERATORS
from ganblocks.generators.resnet import ResNetGenerator
from ganblocks.generators.unet import UNetGenerator
from ganblocks.generators.unet_dialect import UNetDialect

__all__ = ["GENERATORS", "ResNetGenerator", "UNetDialect", "UNetGenerator"]
