"""Checks that the images of a run are in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ganblocks.tasks.base import LARGEST

# About black and about white, if pixels were divided by 255.
BLACK, WHITE = 0.05, 0.9

REMEDY = (
    "Losses, grids and scores take [-1, 1], and a tanh generates nothing else. Scale the images "
    "where they are read: pixels from 0 to 255 by `x / 127.5 - 1`, values from 0 to 1 by "
    "`2 * x - 1`."
)


def batch_problems(batches: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Returns a message if the images of the batches are not in [-1, 1], or None, by its name.

    Examples:
        >>> import torch
        >>> batch_problems([{"image": torch.linspace(-1, 1, 48).view(1, 3, 4, 4)}])
        {'value-range': None}
    """
    images: dict[str, list[Tensor]] = {}
    for batch in batches:
        for key, value in batch.items():
            if _is_image(value):
                images.setdefault(key, []).append(value)
    wrong = [f"`{key}` {found}" for key, value in images.items() if (found := _wrong_range(value))]
    message = f"the batches have {' and '.join(wrong)}. {REMEDY}"
    return {"value-range": message if wrong else None}


def _wrong_range(images: list[Tensor]) -> str:
    values = torch.cat([image[image.isfinite()] for image in images])
    if not values.numel():
        return ""
    low, high = values.min().item(), values.max().item()
    beyond = low < -LARGEST or high > LARGEST
    several = sum(map(len, images)) > 1  # a single one may be bright
    only_upper_half = several and 0 <= low <= BLACK and high >= WHITE
    is_mask = not ((values > low) & (values < high)).any()
    wrong = beyond or (only_upper_half and not is_mask)
    return f"from {low:g} to {high:g}" if wrong else ""


def _is_image(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and value.dim() == 4
        and value.shape[1] in (1, 3, 4)
    )
