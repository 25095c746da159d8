"""Weight initialization: callables that fill every layer of a module."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.blocks.norm import InstanceNorm
from ganblocks.blocks.spectral import ConvOrLinear, fill_weight
from ganblocks.errors import require_at_least
from ganblocks.registry import ComponentLike, Registry
from ganblocks.spec import record_of
from ganblocks.torch_classes import StatisticsNorm

Initializer = Callable[[nn.Module], None]

INITIALIZERS: Registry[Initializer] = Registry("initializers")
"""Initializers by name; each is built as `INITIALIZERS.build(name)` and called on a network."""

_NORM = (StatisticsNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, InstanceNorm)


class WeightInitializer:
    """Base class of initializers; a subclass draws the weight of one layer.

    Fills convolutions and linear layers with `draw`, norm scales from N(1, 0.02²), biases with 0,
    and resets running statistics. Weights under spectral norm or another parametrization are set
    through it; parameters on the meta device are skipped.

    Examples:
        >>> class UniformInitializer(WeightInitializer):
        ...     def draw(self, weight, layer):
        ...         weight.uniform_(-0.1, 0.1)
        >>> network = nn.Linear(8, 8)
        >>> UniformInitializer()(network)
        >>> network.weight.abs().max().item() < 0.1
        True
    """

    norm_std = 0.02

    def draw(self, weight: Tensor, layer: ConvOrLinear) -> None:
        """Overwrites the weight of one layer.

        Args:
            weight: The weight or a copy of it.
            layer: The layer, for its channels, kernel size and stride.
        """
        raise NotImplementedError

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> None:
        """Fills the convolutions, linear layers and norms of a network."""
        for module in network.modules():
            if isinstance(module, StatisticsNorm):
                module.reset_running_stats()
            if isinstance(module, ConvOrLinear):
                fill_weight(module, partial(self.draw, layer=module))
            elif isinstance(module, _NORM) and module.weight is not None:
                fill_weight(module, lambda weight: weight.normal_(1.0, self.norm_std))
            else:
                continue
            bias: Tensor | None = getattr(module, "bias", None)  # an RMS norm has none
            if bias is not None:
                bias.zero_()


@INITIALIZERS.register("normal")
class NormalInitializer(WeightInitializer):
    """As in pix2pix: weights N(0, std²), norm scales N(1, std²), biases 0.

    The weights follow the paper (Isola et al., 2017, section 6.2), the norm scales its code.

    Args:
        std: Standard deviation of both; 0.02 in pix2pix.

    Raises:
        OptionError: `std` is not a non-negative number.

    Examples:
        >>> conv = nn.Conv2d(64, 64, 4)
        >>> NormalInitializer(std=0.02)(conv)
        >>> round(conv.weight.std().item(), 2)
        0.02
    """

    def __init__(self, std: float = 0.02) -> None:
        require_at_least("std", std, 0)
        self.std = self.norm_std = std

    def draw(self, weight: Tensor, layer: ConvOrLinear) -> None:
        """Overwrites the weight of one layer.

        Args:
            weight: The weight or a copy of it.
            layer: The layer.
        """
        weight.normal_(0.0, self.std)


@INITIALIZERS.register("xavier")
class XavierInitializer(WeightInitializer):
    """Weights N(0, gain² · 2 / (fan_in + fan_out)) (Glorot and Bengio, 2010, equation 12).

    Balances the variance of activations in the forward pass and of gradients in the backward
    pass if activations are close to linear. fan_in counts the connections into an output value,
    fan_out the connections out of an input value; a stride reduces fan_out, or fan_in of a
    transposed convolution.

    Args:
        gain: Scales the standard deviation.

    Raises:
        OptionError: `gain` is not a non-negative number.

    Examples:
        >>> linear = nn.Linear(300, 500)
        >>> XavierInitializer()(linear)
        >>> round(linear.weight.std().item(), 2)  # √(2 / 800)
        0.05
    """

    def __init__(self, gain: float = 1.0) -> None:
        require_at_least("gain", gain, 0)
        self.gain = gain

    def draw(self, weight: Tensor, layer: ConvOrLinear) -> None:
        """Overwrites the weight of one layer.

        Args:
            weight: The weight or a copy of it.
            layer: The layer.
        """
        weight.normal_(0.0, self.gain * math.sqrt(2 / sum(fans(layer))))


@INITIALIZERS.register("kaiming")
class KaimingInitializer(WeightInitializer):
    """Weights N(0, 2 / ((1 + negative_slope²) · fan_in)) (He et al., 2015, equations 10 and 15).

    Preserves the mean square of activations from layer to layer if each is a convolution or
    transposed convolution of any stride, followed by a (leaky) rectifier. fan_in is defined as in
    `XavierInitializer`.

    Args:
        negative_slope: Slope of the rectifier below 0; 0 for ReLU, 0.2 for pix2pix's encoder.

    Raises:
        OptionError: The slope is not a non-negative number.

    Examples:
        >>> conv = nn.Conv2d(8, 64, 5)
        >>> KaimingInitializer()(conv)
        >>> round(conv.weight.std().item(), 2)  # √(2 / 200)
        0.1
    """

    def __init__(self, negative_slope: float = 0.0) -> None:
        require_at_least("negative_slope", negative_slope, 0)
        self.negative_slope = negative_slope

    def draw(self, weight: Tensor, layer: ConvOrLinear) -> None:
        """Overwrites the weight of one layer.

        Args:
            weight: The weight or a copy of it.
            layer: The layer.
        """
        weight.normal_(0.0, math.sqrt(2 / ((1 + self.negative_slope**2) * fans(layer)[0])))


@INITIALIZERS.register("orthogonal")
class OrthogonalInitializer(WeightInitializer):
    """Weights gain · Q, where Q has orthonormal rows or columns (Saxe et al., 2014).

    Q has shape (out_channels, in_channels · kernel area), one per group: its rows are orthonormal
    if it is wide, its columns if it is tall.

    Args:
        gain: Scales the matrix.

    Raises:
        OptionError: `gain` is not a non-negative number.

    Examples:
        >>> linear = nn.Linear(2, 2, bias=False)
        >>> OrthogonalInitializer()(linear)
        >>> bool(torch.allclose(linear.weight @ linear.weight.T, torch.eye(2), atol=1e-6))
        True
    """

    def __init__(self, gain: float = 1.0) -> None:
        require_at_least("gain", gain, 0)
        self.gain = gain

    def draw(self, weight: Tensor, layer: ConvOrLinear) -> None:
        """Overwrites the weight of one layer.

        Args:
            weight: The weight or a copy of it.
            layer: The layer.
        """
        for group in weight.unflatten(0, (getattr(layer, "groups", 1), -1)):
            kernel = group.transpose(0, 1) if getattr(layer, "transposed", False) else group
            # QR is not available in half precision.
            dtype = torch.promote_types(weight.dtype, torch.float32)
            fresh = torch.empty(kernel.shape, dtype=dtype, device=weight.device)
            kernel.copy_(nn.init.orthogonal_(fresh, self.gain))


@INITIALIZERS.register("none")
def keep_defaults() -> Initializer:
    """Keeps PyTorch's default initialization."""
    return _Keep()


class _Keep:
    def __call__(self, network: nn.Module) -> None: ...


def fans(layer: ConvOrLinear) -> tuple[float, float]:
    """Returns fan_in and fan_out of a layer, strides included.

    For a convolution fan_in = in_channels / groups · kernel area, and fan_out = out_channels /
    groups · kernel area / stride area, because a strided kernel skips positions. In a transposed
    convolution the stride reduces fan_in instead. Both are averages if the stride does not
    divide the kernel, and ignore borders.

    Examples:
        >>> fans(nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2))
        (256.0, 512.0)
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taps = math.prod(layer.kernel_size) / layer.groups
    fan_in, fan_out = layer.in_channels * taps, layer.out_channels * taps
    step = math.prod(layer.stride)
    return (fan_in / step, fan_out) if layer.transposed else (fan_in, fan_out / step)


@checked
def initialize(network: nn.Module, init: ComponentLike | WeightInitializer = "normal") -> None:
    """Initializes a network's weights in place.

    Then calls `after_initialize()` on every module that defines it, to set special initial values
    such as a gate of 0.

    Args:
        network: Any module.
        init: Name, spec or factory of an initializer, or an initializer.

    Raises:
        RegistryError: The name is unknown.

    Examples:
        >>> initialize(nn.Conv2d(3, 8, 3), {"type": "normal", "std": 0.01})
    """
    built = isinstance(init, WeightInitializer) or record_of(init) is not None
    initializer: Any = init if built else INITIALIZERS.build(init)
    initializer(network)
    for module in network.modules():
        if callable(start := getattr(module, "after_initialize", None)):
            start()
