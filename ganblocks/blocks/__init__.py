"""Norms, activations, paddings, convolutions, samplers, initializers, and blocks of them."""

from ganblocks.blocks.activation import ACTIVATIONS
from ganblocks.blocks.adain import AdaIN, adaptive_instance_norm
from ganblocks.blocks.attention import SelfAttention
from ganblocks.blocks.bottleneck import BottleneckBlock
from ganblocks.blocks.channel_norm import LayerNorm, PixelNorm
from ganblocks.blocks.conv import ConvBlock, DeconvBlock
from ganblocks.blocks.down import DOWNSAMPLERS
from ganblocks.blocks.dropout import Dropout
from ganblocks.blocks.initializers import (
    INITIALIZERS,
    KaimingInitializer,
    NormalInitializer,
    OrthogonalInitializer,
    WeightInitializer,
    XavierInitializer,
    initialize,
)
from ganblocks.blocks.matmul_conv import Conv2d, ConvTranspose2d
from ganblocks.blocks.minibatch_std import MinibatchStdDev
from ganblocks.blocks.norm import NORMS, BatchNorm, GroupNorm, InstanceNorm
from ganblocks.blocks.padding import PADDINGS
from ganblocks.blocks.registry import BLOCKS
from ganblocks.blocks.resample import DownBlock, UpBlock
from ganblocks.blocks.residual import ResidualBlock
from ganblocks.blocks.spade import SPADE
from ganblocks.blocks.spectral import fill_weight, spectral_norm
from ganblocks.blocks.statistics import with_statistics
from ganblocks.blocks.up import UPSAMPLERS

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "DOWNSAMPLERS",
    "INITIALIZERS",
    "NORMS",
    "PADDINGS",
    "SPADE",
    "UPSAMPLERS",
    "AdaIN",
    "BatchNorm",
    "BottleneckBlock",
    "Conv2d",
    "ConvBlock",
    "ConvTranspose2d",
    "DeconvBlock",
    "DownBlock",
    "Dropout",
    "GroupNorm",
    "InstanceNorm",
    "KaimingInitializer",
    "LayerNorm",
    "MinibatchStdDev",
    "NormalInitializer",
    "OrthogonalInitializer",
    "PixelNorm",
    "ResidualBlock",
    "SelfAttention",
    "UpBlock",
    "WeightInitializer",
    "XavierInitializer",
    "adaptive_instance_norm",
    "fill_weight",
    "initialize",
    "spectral_norm",
    "with_statistics",
]
