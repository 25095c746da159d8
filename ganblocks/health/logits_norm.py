"""Detects a norm on a discriminator's logits from its modules."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from ganblocks.blocks import NORMS
from ganblocks.spec import registered_name


def norm_on_logits(discriminators: Mapping[str, nn.Module]) -> str | None:
    """Returns the name and class of a norm after the last convolution, or None if there is none.

    Modules are taken in the order of registration, which is nearly always the order of the calls.
    """
    for prefix, discriminator in discriminators.items():
        norm = None
        for name, module in discriminator.named_modules():
            if isinstance(module, _ConvNd | nn.Linear):
                norm = None
            elif _is_norm(module):
                norm = f"`{prefix}.{name}` ({type(module).__name__})"
        if norm:
            return norm
    return None


def _is_norm(module: nn.Module) -> bool:
    of_torch = isinstance(module, _NormBase | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm)
    return of_torch or registered_name(type(module)) in NORMS
