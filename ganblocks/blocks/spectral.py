"""Spectral normalization of whole networks, and setting weights under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized

from ganblocks.arguments import checked
from ganblocks.errors import OptionError
from ganblocks.torch_classes import ConvNd, SpectralNorm

ConvOrLinear = ConvNd | nn.Linear
Network = TypeVar("Network", bound=nn.Module)
_POWER_ITERATIONS = 15  # as many as torch runs when it wraps a layer
_SQUARINGS = 14  # equivalent to 2^14 steps of the power method


@checked
def spectral_norm(network: Network) -> Network:
    """Divides the weight of every convolution and linear layer by its largest singular value.

    W / σ(W), with the weight reshaped to (out_channels, -1), and σ from one step of the power
    method per forward pass in train mode (Miyato et al., ICLR 2018, section
    2.1 and algorithm 1). In eval mode no buffer changes. Layers that already have it are skipped.

    The learned weight remains the same object, at `parametrizations.weight.original`, so that
    existing optimizers stay valid. PyTorch cannot pickle such layers: save the `state_dict()`
    instead of the module.

    Args:
        network: Any module or layer; changed in place.

    Returns:
        The network.

    Raises:
        OptionError: A weight is 0, as where a `BottleneckBlock` ends.

    Examples:
        >>> layer = spectral_norm(nn.Conv2d(8, 8, 3))
        >>> for _ in range(50):  # each access in train mode is a step
        ...     weight = layer.weight
        >>> round(torch.linalg.svdvals(weight.detach().flatten(1))[0].item(), 2)
        1.0
    """
    layers = [m for m in network.modules() if isinstance(m, ConvOrLinear)]
    layers = [layer for layer in layers if not _spectral_norms(layer)]
    for layer in layers:
        weight = layer.weight.detach()
        if type(weight) is Tensor and not weight.is_meta and not weight.any():  # not a fake one
            raise OptionError(
                f"the weight of {layer} is 0, and spectral norm would divide it by 0: apply it to "
                "other layers, or initialize this one with other values first"
            )
    for layer in layers:
        parametrizations.spectral_norm(layer)  # also handles transposed weights
    return network


@torch.no_grad()
@checked
def fill_weight(layer: nn.Module, fill: Callable[[Tensor], object]) -> None:
    """Changes a layer's weight in place, through whatever parametrization it has.

    `layer.weight.copy_(...)` has no effect under spectral norm, which recomputes `weight` at every
    access. This sets the weight before the division and recomputes the singular vectors. The
    parameter stays the same object. On the meta device it does nothing.

    Args:
        layer: A module with a `weight`.
        fill: Function that overwrites the weight, or a copy of it.

    Raises:
        OptionError: The layer's weight is computed by a method older than torch's parametrizations.

    Examples:
        >>> layer = spectral_norm(nn.Linear(2, 2))
        >>> fill_weight(layer, lambda weight: weight.copy_(4 * torch.eye(2)))
        >>> layer.weight.diagonal().tolist()
        [1.0, 1.0]
    """
    if not is_parametrized(layer, "weight"):
        weight = layer.weight
        if not isinstance(weight, nn.Parameter):
            raise OptionError(
                f"the weight of {layer} is computed by an older method of torch.nn.utils and "
                "cannot be set: use torch.nn.utils.parametrizations instead"
            )
        if not weight.is_meta:
            fill(weight)
        return
    if next(layer.parameters()).is_meta:
        return
    chain = cast(nn.ModuleDict, layer.parametrizations)["weight"]
    value = cast(Tensor, getattr(chain, "original", layer.weight)).clone()
    fill(value)
    layer.weight = value
    for norm in _spectral_norms(layer) if value.ndim > 1 else ():  # 1-D ones have no vectors
        # A separate generator, so that networks draw the same weights with and without spectral
        # norm. Starts from scratch, because to_empty() may leave zeros, which would never change.
        generator = torch.Generator(value.device).manual_seed(0)
        norm._v.normal_(generator=generator)
        norm._power_method(norm._reshape_weight_to_matrix(value), _POWER_ITERATIONS)


def singular_vectors(norm: nn.Module, network: nn.Module) -> Callable[[], None]:
    """Returns a function that sets a layer's first singular vectors from its current weight.

    It squares the Gram matrix repeatedly: unlike one step of the power method, the result depends
    only on the weight and does not lag behind.

    Examples:
        >>> layer = spectral_norm(nn.Linear(2, 2)).eval()
        >>> find = singular_vectors(layer.parametrizations["weight"][0], layer)
        >>> _ = layer.parametrizations.weight.original.data.copy_(torch.diag(torch.tensor([4, 3])))
        >>> find()
        >>> layer.weight.diagonal().tolist()
        [1.0, 0.75]
    """
    layer = next(m for m in network.modules() if norm in _spectral_norms(m))
    weight: Any = cast(nn.ModuleDict, layer.parametrizations)["weight"].original
    part = cast(SpectralNorm, norm)

    @torch.no_grad()
    def find() -> None:
        whole = weight.full_tensor() if hasattr(weight, "full_tensor") else weight  # sharded
        matrix = part._reshape_weight_to_matrix(whole)
        wide = matrix if len(matrix) <= len(matrix.T) else matrix.T
        power = wide @ wide.T
        for _ in range(_SQUARINGS):
            power = power / power.norm()
            power = power @ power
        short = F.normalize(power[:, power.diagonal().argmax()], dim=0)
        long = F.normalize(wide.T @ short, dim=0)
        u, v = (short, long) if wide is matrix else (long, short)
        part._u.copy_(u)
        part._v.copy_(v)

    return find if hasattr(part, "_u") else lambda: None  # a 1-D weight has no vectors


def _spectral_norms(layer: nn.Module) -> list[SpectralNorm]:
    if not is_parametrized(layer, "weight"):
        return []
    chain = cast(nn.ModuleDict, layer.parametrizations)["weight"]
    return [part for part in chain.children() if isinstance(part, SpectralNorm)]
