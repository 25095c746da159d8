"""Activations: `() -> module`, never in place, since a U-Net's skips hold on to their input."""

from torch import nn

from ganblocks.registry import Registry

ACTIVATIONS: Registry[nn.Module] = Registry("activations")
"""Activations by name; each is built as `ACTIVATIONS.build(name)`."""


@ACTIVATIONS.register("relu")
def relu() -> nn.Module:
    """Rectifier: max(0, x)."""
    return nn.ReLU()


@ACTIVATIONS.register("leaky_relu")
def leaky_relu(negative_slope: float = 0.2) -> nn.Module:
    """Leaky rectifier: x where x > 0, else negative_slope · x; pix2pix uses 0.2."""
    return nn.LeakyReLU(negative_slope)


@ACTIVATIONS.register("silu")
def silu() -> nn.Module:
    """Sigmoid linear unit, also called swish: x · sigmoid(x)."""
    return nn.SiLU()


@ACTIVATIONS.register("gelu")
def gelu() -> nn.Module:
    """Gaussian error linear unit: x · Φ(x), with the normal distribution function Φ."""
    return nn.GELU()


@ACTIVATIONS.register("tanh")
def tanh() -> nn.Module:
    """Hyperbolic tangent: the last activation of generators, whose images are in [-1, 1]."""
    return nn.Tanh()


@ACTIVATIONS.register("none")
def no_activation() -> nn.Module:
    """The input unchanged."""
    return nn.Identity()
