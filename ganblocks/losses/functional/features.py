"""Distances between maps of features."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_l1(
    output: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · mean |outputᵢ − targetᵢ|.

    Args:
        output: Maps (B, C, H, W), of which each may have a shape of its own.
        target: As many maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        ValueError: There are not as many maps and weights of each.

    Examples:
        >>> weighted_l1([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [0.5]).item()
        0.5
    """
    each = zip(output, target, weights, strict=True)
    return torch.stack([weight * F.l1_loss(ours, theirs) for ours, theirs, weight in each]).sum()


def gram(features: Tensor) -> Tensor:
    """Gram matrices F Fᵀ / (C H W) of maps (B, C, H, W), as (B, C, C) (Johnson et al., 2016).

    Args:
        features: F, with the pixels of each channel in a row.

    Examples:
        >>> gram(torch.ones(1, 2, 3, 3))[0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    flat = features.flatten(2)
    with torch.autocast(flat.device.type, enabled=False):  # sums of many squares need every digit
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def weighted_gram(
    output: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · ‖gram(outputᵢ) − gram(targetᵢ)‖²_F, averaged over the batch.

    Johnson et al. (2016), equation 4; after Gatys et al. (2016).

    Args:
        output: Maps (B, C, H, W), of which each may have a shape of its own.
        target: As many maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        ValueError: There are not as many maps and weights of each.

    Examples:
        >>> weighted_gram([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [1.0]).item()
        1.0
    """
    each = zip(output, target, weights, strict=True)
    parts = [
        weight * (gram(ours) - gram(theirs)).square().sum((1, 2)).mean()
        for ours, theirs, weight in each
    ]
    return torch.stack(parts).sum()
