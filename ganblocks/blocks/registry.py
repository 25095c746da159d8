"""Where blocks have their names."""

from torch import nn

from ganblocks.registry import Registry

BLOCKS: Registry[nn.Module] = Registry("blocks")
"""Blocks by name; each is built as `BLOCKS.build(name, in_channels, out_channels)`.

A block that is told something besides the image takes the channels of that second input in
place of `out_channels`, and keeps the channels of the first.
"""
