"""Logits as losses take them: one map of any shape, or one for each scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import functional

Logits = Tensor | Sequence[Tensor]
"""The logits of one discriminator, of any shape, or a list with one map for each scale."""


def scales_of(logits: Logits) -> list[Tensor]:
    """Returns the map of every scale, in full precision.

    Examples:
        >>> [tuple(scale.shape) for scale in scales_of(torch.zeros(1, 1, 4, 4))]
        [(1, 1, 4, 4)]
    """
    scales = [logits] if isinstance(logits, Tensor) else list(logits)
    if not scales or any(scale.numel() == 0 for scale in scales):
        raise ShapeError(
            "a loss got no logits: the image is too small for the discriminator (see its "
            "min_input_size), or the list is empty",
            see="image-too-small",
        )
    return [functional.full_precision(scale) for scale in scales]


def pairs_of(first: Logits, second: Logits) -> list[tuple[Tensor, Tensor]]:
    """Returns the maps of every scale in pairs.

    Examples:
        >>> len(pairs_of([torch.zeros(4), torch.zeros(1)], [torch.ones(4), torch.ones(1)]))
        2
    """
    ours, theirs = scales_of(first), scales_of(second)
    if len(ours) != len(theirs):
        raise OptionError(
            f"{len(ours)} scales of logits beside {len(theirs)}: give real and fake ones from "
            "the same discriminator"
        )
    return list(zip(ours, theirs, strict=True))


def mean_logit(logits: Logits) -> Tensor:
    """Mean over each scale's logits, then over the scales: the figure that logs show.

    Examples:
        >>> mean_logit([torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2)]).item()
        0.5
    """
    return torch.stack([scale.mean() for scale in scales_of(logits)]).mean()
