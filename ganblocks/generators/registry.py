"""The registry of generators."""

from torch import nn

from ganblocks.registry import Registry

GENERATORS: Registry[nn.Module] = Registry("generators")
"""Generators by name: (B, in_channels, H, W) → (B, out_channels, H, W)."""
