"""What the shapes of a state dict say about the network, though a key may be damaged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ganblocks.reference_weights.layout import Weights

MAX_DEPTH = 20  # an image would need a million pixels a side


def sizes(weights: Weights, *places: tuple[str, int]) -> list[int]:
    """Reads one number at several places, the number that most of them say first.

    Args:
        weights: The state dict.
        *places: Keys, each with the dimension that says it; what is not there is passed over.

    Returns:
        The numbers, without repetition; `[1]` if none of the places is there.

    Examples:
        >>> import torch
        >>> sizes({"a": torch.zeros(4, 3), "b": torch.zeros(3)}, ("a", 0), ("a", 1), ("b", 0))
        [3, 4]
    """
    shapes = [(weights[key].shape, dim) for key, dim in places if key in weights]
    found = [shape[dim] for shape, dim in shapes if len(shape) > dim and shape[dim] > 0]
    return [size for size, _ in Counter(found).most_common()] or [1]


def numbers(weights: Weights, pattern: str) -> list[int]:
    r"""Reads the number in each key that matches; one of ten digits or more is no layer's.

    Examples:
        >>> import torch
        >>> numbers({"conv2.weight": torch.zeros(1), "other": torch.zeros(1)}, r"conv(\d+)\.")
        [2]
    """
    found = [match[1] for key in weights if (match := re.match(pattern, key))]
    return [int(digits) for digits in found if len(digits) < 10]


def multipliers(weights: Weights, keys: Iterable[str], base: int) -> list[int]:
    """Gives the limits that the widest layer may have: 8, then what the widths themselves say."""
    widths = sizes(weights, *((key, 0) for key in keys))
    return list(dict.fromkeys([8, *(max(width // base, 1) for width in widths)]))
