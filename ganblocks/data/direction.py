"""Which side of a pair is the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganblocks.errors import require_one_of

DIRECTIONS = ("a2b", "b2a")
"""What `direction` may be: the input's side, then the output's."""


def source_and_target(pair: Mapping[str, Any], direction: str) -> tuple[Tensor, Tensor]:
    """Orders the two sides of a sample or a batch as input and wanted output.

    Args:
        pair: A dictionary with the keys `a` and `b`.
        direction: `"a2b"` or `"b2a"`.

    Raises:
        OptionError: The direction is neither.

    Examples:
        >>> source_and_target({"a": "photo", "b": "labels"}, "b2a")
        ('labels', 'photo')
    """
    require_one_of("direction", direction, DIRECTIONS, see="wrong-direction")
    return (pair["a"], pair["b"]) if direction == "a2b" else (pair["b"], pair["a"])
