"""Whether a discriminator has a norm on its logits, read from its modules."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from ganblocks.blocks import NORMS
from ganblocks.spec import registered_name


def norm_on_logits(discriminator: nn.Module) -> str | None:
    """Gives the name and class of a norm that comes after the last convolution, if there is one.

    Modules count in the order in which they were put in, which is nearly always that of their
    calls.

    Examples:
        >>> norm_on_logits(nn.Sequential(nn.Conv2d(6, 1, 4), nn.BatchNorm2d(1)))
        '`1` (BatchNorm2d)'
        >>> norm_on_logits(nn.Sequential(nn.BatchNorm2d(6), nn.Conv2d(6, 1, 4)))
    """
    found = None
    for name, module in discriminator.named_modules():
        if isinstance(module, _ConvNd | nn.Linear):
            found = None
        elif _is_norm(module):
            found = f"`{name}` ({type(module).__name__})"
    return found


def _is_norm(module: nn.Module) -> bool:
    if isinstance(module, _NormBase | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm):
        return True
    return registered_name(type(module)) in NORMS
