"""Infers a network's dimensions from the keys and shapes of a state dict, even a damaged one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import product

from ganblocks.registry import Spec
from ganblocks.weights.layout import Weights


def sizes(weights: Weights, *places: tuple[str, int]) -> list[int]:
    """Returns the distinct sizes at `(key, dimension)` places, most frequent first, or [1]."""
    shapes = [(weights[key].shape, dim) for key, dim in places if key in weights]
    known = [shape[dim] for shape, dim in shapes if len(shape) > dim and shape[dim] > 0]
    return [size for size, _ in Counter(known).most_common()] or [1]


def size(weights: Weights, *places: tuple[str, int]) -> int:
    """Returns the most frequent size at `(key, dimension)` places."""
    return sizes(weights, *places)[0]


def numbers(weights: Weights, pattern: str) -> list[int]:
    """Returns the number in each matching key, except those of ten digits or more."""
    digits = [match[1] for key in weights if (match := re.match(pattern, key))]
    return [int(number) for number in digits if len(number) < 10]


def doubling_dimensions(
    weights: Weights,
    depth: tuple[str, Iterable[int]],
    bases: Iterable[int],
    convs: Callable[[int], list[str]],
    **others: object,
) -> Iterator[Spec]:
    """Yields the dimensions of a network whose layers double in width up to a limit.

    `convs(depth)` lists the weights of all layers but the first.
    """
    argument, depths = depth
    for layers, base in product(depths, bases):
        widths = sizes(weights, *((key, 0) for key in convs(layers)))
        for most in dict.fromkeys([8, *(max(width // base, 1) for width in widths)]):
            yield {**others, "base_channels": base, argument: layers, "max_multiplier": most}
