"""Norms, activations, dropout, initialisers, and the conv blocks made of them."""

from ganblocks.blocks.activation import ACTIVATIONS
from ganblocks.blocks.conv import BLOCKS, ConvBlock, DeconvBlock
from ganblocks.blocks.dropout import Dropout
from ganblocks.blocks.initialize import INITIALIZERS, NormalInitializer, initialize
from ganblocks.blocks.norm import NORMS, BatchNorm, InstanceNorm
from ganblocks.blocks.statistics import with_statistics

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "INITIALIZERS",
    "NORMS",
    "BatchNorm",
    "ConvBlock",
    "DeconvBlock",
    "Dropout",
    "InstanceNorm",
    "NormalInitializer",
    "initialize",
    "with_statistics",
]
