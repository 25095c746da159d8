"""Learning-rate schedules, as functions of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, require_count
from ganblocks.registry import Registry

Schedule = Callable[[int, int], float]
"""Takes (epoch from 0, epochs of the run) and returns a factor of the learning rate."""

SCHEDULES: Registry[Schedule] = Registry("schedules")
"""Learning-rate schedules by name; each returns a function from (epoch, epochs) to a factor."""


@checked
def linear_decay(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: 1 in the first half, then down to 0 in equal steps.

    The schedule of pytorch-CycleGAN-and-pix2pix: with 200 epochs, 100 at the full rate, then
    1 − (epoch − 99) / 101. The pix2pix paper and its Lua code keep the rate constant.

    Args:
        epoch: The current epoch, counting from 0.
        epochs: Number of epochs in the run.

    Raises:
        OptionError: `epochs` is not a whole number above 0.

    Examples:
        >>> linear_decay(0, 200), linear_decay(99, 200), round(linear_decay(199, 200), 4)
        (1.0, 1.0, 0.0099)
    """
    require_count("epochs", epochs, 1)
    decaying = epochs // 2
    constant = epochs - decaying
    return max(0.0, 1.0 - max(0, epoch + 1 - constant) / (decaying + 1))


@checked
def cosine_decay(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: half a cosine from 1 to nearly 0, without restarts.

    (1 + cos(π epoch / epochs)) / 2 (Loshchilov and Hutter, ICLR 2017, equation 5).

    Args:
        epoch: The current epoch, counting from 0.
        epochs: Number of epochs in the run.

    Raises:
        OptionError: `epochs` is not a whole number above 0.

    Examples:
        >>> [round(cosine_decay(epoch, 4), 3) for epoch in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """
    require_count("epochs", epochs, 1)
    return (1 + math.cos(math.pi * min(epoch, epochs) / epochs)) / 2


@checked
def constant_rate(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: always 1.

    Args:
        epoch: The current epoch, counting from 0.
        epochs: Number of epochs in the run.

    Examples:
        >>> constant_rate(7, 10)
        1.0
    """
    return 1.0


@SCHEDULES.register("linear")
def linear() -> Schedule:
    """Constant for half of the epochs, then down to 0 (PyTorch port of Isola et al., 2017)."""
    return partial(linear_decay)


@SCHEDULES.register("cosine")
def cosine() -> Schedule:
    """Half a cosine down to 0: `cosine_decay` (Loshchilov and Hutter, ICLR 2017)."""
    return partial(cosine_decay)


@SCHEDULES.register("constant")
def constant() -> Schedule:
    """Always the full rate (Isola et al., 2017, section 3.3)."""
    return partial(constant_rate)


def resolve_schedule(schedule: str | Mapping[str, Any] | Schedule) -> Schedule:
    """Returns a schedule by its name or spec; a function is returned as is."""
    return SCHEDULES.build(schedule) if isinstance(schedule, str | Mapping) else schedule


def lr_factor(schedule: Schedule, epoch: int, epochs: int) -> float:
    """Returns a schedule's factor, checked to be finite and not negative."""
    factor = schedule(epoch, epochs)
    is_number = isinstance(factor, int | float) and not isinstance(factor, bool)
    if not is_number or not 0 <= factor < math.inf:
        raise OptionError(
            f"the schedule returned {factor!r} for epoch {epoch}: return a number of at least 0"
        )
    return factor
