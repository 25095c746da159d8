"""Weight initialisation: small objects that are called on a module and visit all it holds."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ganblocks.blocks.norm import InstanceNorm
from ganblocks.registry import Knob, Registry

Initializer = Callable[[nn.Module], None]

INITIALIZERS: Registry[Initializer] = Registry("initializers")
"""Initialisers by name; each is built as `INITIALIZERS.build(name)` and called on a network."""

_CONV_OR_LINEAR = (nn.modules.conv._ConvNd, nn.Linear)
_NORM = (_NormBase, nn.GroupNorm, InstanceNorm)


@INITIALIZERS.register("normal")
class NormalInitializer:
    """pix2pix's: weights N(0, std²), norm scales N(1, std²), every bias 0.

    Args:
        std: Standard deviation; the paper's code takes 0.02 for both.

    Example:
        >>> conv = nn.Conv2d(64, 64, 4)
        >>> NormalInitializer(std=0.02)(conv)
        >>> round(conv.weight.std().item(), 2)
        0.02
    """

    def __init__(self, std: float = 0.02) -> None:
        self.std = std

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> None:
        """Fills the convolutions, linear layers and norms of a network."""
        for module in network.modules():
            if isinstance(module, _CONV_OR_LINEAR):
                module.weight.normal_(0.0, self.std)
            elif isinstance(module, _NORM) and module.weight is not None:
                module.weight.normal_(1.0, self.std)
            else:
                continue
            if module.bias is not None:
                module.bias.zero_()


@INITIALIZERS.register("none")
def keep_defaults() -> Initializer:
    """Leaves the weights as PyTorch made them."""
    return _Keep()


class _Keep:
    def __call__(self, network: nn.Module) -> None: ...


def initialize(network: nn.Module, init: Knob = "normal") -> None:
    """Fills a network's weights afresh, in place.

    Args:
        network: Any module.
        init: Name, spec or factory of an initialiser.

    Raises:
        RegistryError: The name is unknown.

    Example:
        >>> initialize(nn.Conv2d(3, 8, 3), {"type": "normal", "std": 0.01})
    """
    INITIALIZERS.build(init)(network)
