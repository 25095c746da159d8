"""Distances between feature maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_l1(
    output: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · mean |outputᵢ − targetᵢ|.

    Args:
        output: Maps (B, C, H, W), whose shapes may differ from each other.
        target: Maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        ValueError: The numbers of maps and weights differ.

    Examples:
        >>> weighted_l1([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [0.5]).item()
        0.5
    """
    maps = zip(output, target, weights, strict=True)
    return torch.stack([weight * F.l1_loss(y, t) for y, t, weight in maps]).sum()


def gram(features: Tensor) -> Tensor:
    """Gram matrices F Fᵀ / (C H W) of maps (B, C, H, W), as (B, C, C) (Johnson et al., 2016).

    Args:
        features: Maps; row c of F holds the pixels of channel c.

    Examples:
        >>> gram(torch.ones(1, 2, 3, 3))[0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    flat = features.flatten(2)
    with torch.autocast(
        flat.device.type, enabled=False
    ):  # sums of many squares need full precision
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def weighted_gram(
    output: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · ‖gram(outputᵢ) − gram(targetᵢ)‖²_F, averaged over the batch.

    Johnson et al. (2016), equation 4; after Gatys et al. (2016).

    Args:
        output: Maps (B, C, H, W), whose shapes may differ from each other.
        target: Maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        ValueError: The numbers of maps and weights differ.

    Examples:
        >>> weighted_gram([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [1.0]).item()
        1.0
    """
    maps = zip(output, target, weights, strict=True)
    terms = [weight * (gram(y) - gram(t)).square().sum((1, 2)).mean() for y, t, weight in maps]
    return torch.stack(terms).sum()
