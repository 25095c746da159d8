"""Detects a norm on a discriminator's logits from its modules."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ganblocks.blocks.norm import is_norm
from ganblocks.torch_classes import ConvNd


def norm_on_logits(discriminators: Mapping[str, nn.Module]) -> str | None:
    """Returns the name and class of a norm after the last convolution, or None if there is none.

    Modules are checked in order of registration, which is nearly always the order of the calls.
    """
    for prefix, discriminator in discriminators.items():
        norm = None
        for name, module in discriminator.named_modules():
            if isinstance(module, ConvNd | nn.Linear):
                norm = None
            elif is_norm(module):
                norm = f"`{prefix}.{name}` ({type(module).__name__})"
        if norm:
            return norm
    return None
