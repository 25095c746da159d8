"""From the keys of another code base to ours, with the arguments that build the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from ganblocks.reference_weights import port_patch, port_resnet, port_unet, tutorial_unet
from ganblocks.reference_weights.families import (
    require_family,
    up_to_date,
    without_prefix,
    words_for,
)
from ganblocks.reference_weights.layout import Candidates, Weights, translated
from ganblocks.registry import Spec

_Readers = Mapping[str, Callable[[Weights], Candidates]]


def unet_from_reference(weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Translates a U-Net of the PyTorch port of pix2pix, or of the tutorial.

    Depth, channels, kernel and norm are read from keys and shapes.

    Args:
        weights: The state dict, as `read_weights` gives it.

    Returns:
        The arguments of `UNetGenerator`, and its state dict.

    Raises:
        WeightsError: It is of something else, or a key is missing, left over or has another
            shape; the first is named.

    Examples:
        >>> from ganblocks import UNetGenerator, to_reference
        >>> weights = to_reference(UNetGenerator(base_channels=4, num_downs=6))
        >>> unet_from_reference(weights)[0]["num_downs"]
        6
    """
    return _read(weights, {"unet": port_unet.candidates, "tutorial_unet": tutorial_unet.candidates})


def resnet_from_reference(weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Translates a ResNet of the PyTorch port.

    Zero padding and dropout in the blocks show in the port's keys; padding that mirrors looks
    like padding that repeats, and is taken to mirror.

    Args:
        weights: The state dict, as `read_weights` gives it.

    Returns:
        The arguments of `ResNetGenerator`, and its state dict.

    Raises:
        WeightsError: As in `unet_from_reference`.

    Examples:
        >>> from ganblocks import ResNetGenerator, to_reference
        >>> weights = to_reference(ResNetGenerator(base_channels=4, n_blocks=2))
        >>> resnet_from_reference(weights)[0]["n_blocks"]
        2
    """
    return _read(weights, {"resnet": port_resnet.candidates})


def patch_from_reference(weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Translates a PatchGAN of the PyTorch port.

    Args:
        weights: The state dict, as `read_weights` gives it.

    Returns:
        The arguments of `PatchDiscriminator`, and its state dict.

    Raises:
        WeightsError: As in `unet_from_reference`.

    Examples:
        >>> from ganblocks import PatchDiscriminator, to_reference
        >>> weights = to_reference(PatchDiscriminator(base_channels=4, n_layers=2))
        >>> patch_from_reference(weights)[0]["n_layers"]
        2
    """
    return _read(weights, {"patch": port_patch.patch_candidates})


def pixel_from_reference(weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Translates a PixelGAN of the PyTorch port.

    Args:
        weights: The state dict, as `read_weights` gives it.

    Returns:
        The arguments of `PixelDiscriminator`, and its state dict.

    Raises:
        WeightsError: As in `unet_from_reference`.

    Examples:
        >>> from ganblocks import PixelDiscriminator, to_reference
        >>> weights = to_reference(PixelDiscriminator(base_channels=4))
        >>> pixel_from_reference(weights)[0]["base_channels"]
        4
    """
    return _read(weights, {"pixel": port_patch.pixel_candidates})


def _read(weights: Weights, readers: _Readers) -> tuple[Spec, dict[str, Tensor]]:
    weights = without_prefix(up_to_date(weights))
    family = require_family(weights, readers)
    return translated(weights, readers[family](weights), words_for(family))
