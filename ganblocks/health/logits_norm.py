"""Whether a discriminator has a norm on its logits, read from its modules."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from ganblocks.blocks import NORMS
from ganblocks.spec import registered_name


def norm_on_logits(discriminators: Mapping[str, nn.Module]) -> str | None:
    """Returns the name and class of a norm after the last convolution, or None if there is none.

    Modules count in the order in which they were put in, which is nearly always that of their
    calls.
    """
    for prefix, discriminator in discriminators.items():
        found = None
        for name, module in discriminator.named_modules():
            if isinstance(module, _ConvNd | nn.Linear):
                found = None
            elif _is_norm(module):
                found = f"`{prefix}.{name}` ({type(module).__name__})"
        if found:
            return found
    return None


def _is_norm(module: nn.Module) -> bool:
    if isinstance(module, _NormBase | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm):
        return True
    return registered_name(type(module)) in NORMS
