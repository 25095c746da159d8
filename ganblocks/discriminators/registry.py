"""The registry of discriminators."""

from torch import nn

from ganblocks.registry import Registry

DISCRIMINATORS: Registry[nn.Module] = Registry("discriminators")
"""Discriminators by name: (B, in_channels, H, W) → logits (B, 1, h, w)."""
