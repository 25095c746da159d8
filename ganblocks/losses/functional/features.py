"""Distances between feature maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.errors import OptionError
from ganblocks.losses.images import require_axes, require_one_shape


@checked
def weighted_l1(
    output: Sequence[Floats], target: Sequence[Floats], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · mean |outputᵢ − targetᵢ|.

    Args:
        output: Maps (B, C, H, W), whose shapes may differ from each other.
        target: Maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        OptionError: The numbers of maps and weights differ.
        ShapeError: A map differs in shape from its target, or is empty.

    Examples:
        >>> weighted_l1([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [0.5]).item()
        0.5
    """
    maps = _matched("weighted_l1", output, target, weights)
    return torch.stack([weight * F.l1_loss(y, t) for y, t, weight in maps]).sum()


@checked
def gram(features: Floats) -> Tensor:
    """Gram matrices F Fᵀ / (C H W) of maps (B, C, H, W), as (B, C, C) (Johnson et al., 2016).

    Args:
        features: Maps; row c of F holds the pixels of channel c.

    Raises:
        ShapeError: The tensor has fewer than three axes.

    Examples:
        >>> gram(torch.ones(1, 2, 3, 3))[0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    require_axes("gram", features, 3)
    flat = features.flatten(2)
    with torch.autocast(
        flat.device.type, enabled=False
    ):  # sums of many squares need full precision
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


@checked
def weighted_gram(
    output: Sequence[Floats], target: Sequence[Floats], weights: Sequence[float]
) -> Tensor:
    """Sum over the maps of wᵢ · ‖gram(outputᵢ) − gram(targetᵢ)‖²_F, averaged over the batch.

    Johnson et al. (2016), equation 4; after Gatys et al. (2016).

    Args:
        output: Maps (B, C, H, W), whose shapes may differ from each other.
        target: Maps of the same shapes.
        weights: wᵢ, one for each map.

    Raises:
        OptionError: The numbers of maps and weights differ.
        ShapeError: A map differs in shape from its target, or is empty.

    Examples:
        >>> weighted_gram([torch.zeros(1, 2, 3, 3)], [torch.ones(1, 2, 3, 3)], [1.0]).item()
        1.0
    """
    maps = _matched("weighted_gram", output, target, weights)
    terms = [weight * (gram(y) - gram(t)).square().sum((1, 2)).mean() for y, t, weight in maps]
    return torch.stack(terms).sum()


def _matched(
    who: str, output: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]
) -> list[tuple[Tensor, Tensor, float]]:
    counts = len(output), len(target), len(weights)
    if 0 in counts or len(set(counts)) > 1:
        raise OptionError(
            f"{who} got {counts[0]} and {counts[1]} maps and {counts[2]} weights: pass one target "
            "and one weight for each map"
        )
    maps = list(zip(output, target, weights, strict=True))
    for y, t, _ in maps:
        require_one_shape(who, output=y, target=t)
    return maps
