"""Logits of one discriminator: a single tensor, or one for each scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import functional

Logits = Tensor | Sequence[Tensor]
"""Logits of any shape, or a list with one tensor for each scale."""


def scales_of(logits: Logits) -> list[Tensor]:
    """Returns the logits of each scale, in full precision.

    Examples:
        >>> [tuple(scale.shape) for scale in scales_of(torch.zeros(1, 1, 4, 4))]
        [(1, 1, 4, 4)]
    """
    scales: list[Any] = list(logits) if isinstance(logits, list | tuple) else [logits]
    for scale in scales:
        if not isinstance(scale, Tensor) or not scale.is_floating_point():
            got = scale.dtype if isinstance(scale, Tensor) else type(scale).__name__
            raise OptionError(
                f"logits are {got}: pass a tensor of floats, or a list with one for each scale"
            )
    if not scales or any(scale.numel() == 0 for scale in scales):
        raise ShapeError(
            "a loss got no logits: the list is empty, or the image is too small for the "
            "discriminator (see its min_input_size)",
            see="image-too-small",
        )
    return [functional.full_precision(scale) for scale in scales]


def pairs_of(first: Logits, second: Logits) -> list[tuple[Tensor, Tensor]]:
    """Returns pairs of logits, one pair for each scale.

    Examples:
        >>> len(pairs_of([torch.zeros(4), torch.zeros(1)], [torch.ones(4), torch.ones(1)]))
        2
    """
    first, second = scales_of(first), scales_of(second)
    if len(first) != len(second):
        raise OptionError(
            f"logits of {len(first)} and {len(second)} scales cannot be compared: compute real "
            "and fake logits with the same discriminator"
        )
    return list(zip(first, second, strict=True))


def mean_logit(logits: Logits) -> Tensor:
    """Returns the mean over the scales of each scale's mean logit, as logged.

    Examples:
        >>> mean_logit([torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2)]).item()
        0.5
    """
    return torch.stack([scale.mean() for scale in scales_of(logits)]).mean()
