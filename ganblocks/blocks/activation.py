"""Activations, `() -> module`. None is in-place, because a U-Net's skips reuse the input."""

from torch import nn

from ganblocks.errors import require_at_least
from ganblocks.registry import Registry

ACTIVATIONS: Registry[nn.Module] = Registry("activations")
"""Activations by name; each is built as `ACTIVATIONS.build(name)`."""


@ACTIVATIONS.register("relu")
def relu() -> nn.Module:
    """Rectifier: max(0, x) (Nair and Hinton, 2010)."""
    return nn.ReLU()


@ACTIVATIONS.register("leaky_relu")
def leaky_relu(negative_slope: float = 0.2) -> nn.Module:
    """Leaky rectifier: x where x > 0, else negative_slope · x (Maas et al., 2013).

    Args:
        negative_slope: Slope below 0; pix2pix uses 0.2.

    Raises:
        OptionError: The slope is negative or not finite.
    """
    require_at_least("negative_slope", negative_slope, 0)
    return nn.LeakyReLU(negative_slope)


@ACTIVATIONS.register("silu")
def silu() -> nn.Module:
    """Sigmoid linear unit, also called swish: x · sigmoid(x) (Elfwing et al., 2018)."""
    return nn.SiLU()


@ACTIVATIONS.register("gelu")
def gelu() -> nn.Module:
    """Gaussian error linear unit: x · Φ(x) (Hendrycks and Gimpel, 2016).

    Φ is the distribution function of N(0, 1).
    """
    return nn.GELU()


@ACTIVATIONS.register("tanh")
def tanh() -> nn.Module:
    """Hyperbolic tangent, the last activation of generators of images in [-1, 1]."""
    return nn.Tanh()


@ACTIVATIONS.register("none")
def no_activation() -> nn.Module:
    """Returns the input unchanged."""
    return nn.Identity()
