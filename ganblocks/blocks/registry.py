"""The registry of blocks."""

from torch import nn

from ganblocks.registry import Registry

BLOCKS: Registry[nn.Module] = Registry("blocks")
"""Blocks by name; each is built as `BLOCKS.build(name, in_channels, out_channels)`.

A block with a second input (a style, a condition) takes that input's channels instead of
`out_channels`, and keeps the channels of its first input.
"""
