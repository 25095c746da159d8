"""Learning-rate schedules: pure functions of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable

from ganblocks.errors import require_one_of

Schedule = Callable[[int, int], float]
"""(epoch from 0, epochs of the run) → factor of the learning rate."""


def linear_decay(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: 1 in the first half, then down to 0 in equal steps.

    The schedule of pix2pix (Isola et al., 2017, code): with 200 epochs, 100 at the full rate,
    then 1 − (epoch − 99) / 101.

    Args:
        epoch: The current epoch, from 0.
        epochs: All epochs of the run.

    Examples:
        >>> linear_decay(0, 200), linear_decay(99, 200), round(linear_decay(199, 200), 4)
        (1.0, 1.0, 0.0099)
    """
    decaying = epochs // 2
    constant = epochs - decaying
    return max(0.0, 1.0 - max(0, epoch + 1 - constant) / (decaying + 1))


def cosine_decay(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: half a cosine from 1 to nearly 0, without restarts.

    (1 + cos(π epoch / epochs)) / 2 (Loshchilov and Hutter, ICLR 2017, equation 5).

    Args:
        epoch: The current epoch, from 0.
        epochs: All epochs of the run.

    Examples:
        >>> [round(cosine_decay(epoch, 4), 3) for epoch in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """
    return (1 + math.cos(math.pi * min(epoch, epochs) / epochs)) / 2


def constant_rate(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: always 1.

    Args:
        epoch: The current epoch, from 0.
        epochs: All epochs of the run.

    Examples:
        >>> constant_rate(7, 10)
        1.0
    """
    return 1.0


SCHEDULES: dict[str, Schedule] = {
    "linear": linear_decay,
    "cosine": cosine_decay,
    "constant": constant_rate,
}
"""The schedules by name."""


def resolve_schedule(schedule: str | Schedule) -> Schedule:
    """Gives a schedule by its name; a function of one's own is taken as it is.

    Args:
        schedule: A name, or (epoch from 0, epochs) → factor.

    Raises:
        OptionError: There is no schedule of that name.

    Examples:
        >>> resolve_schedule("cosine") is cosine_decay
        True
    """
    if not isinstance(schedule, str):
        return schedule
    require_one_of("schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]
