"""The result of a health check."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A training problem.

    Attributes:
        step: The step at which it was detected.
        name: Its name, such as `"blind-discriminator"`.
        message: What was seen, what it means, and which option to change.

    Examples:
        >>> Finding(400, "learning-rate-zero", "over 100 steps …").name
        'learning-rate-zero'
    """

    step: int
    name: str
    message: str
