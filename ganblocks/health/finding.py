"""What the health monitor reports."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One problem of a training, in words.

    Attributes:
        step: The step at which it was found.
        name: Its name, such as `"blind-discriminator"`.
        message: What was seen, what it means, and which option to change.

    Examples:
        >>> Finding(400, "learning-rate-zero", "over 100 steps …").name
        'learning-rate-zero'
    """

    step: int
    name: str
    message: str
