"""The contract of paddings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from ganblocks.errors import ShapeError
from ganblocks.testing.contract import Check, demand, run_checks
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import (
    EAGER,
    Network,
    Size,
    demand_image,
    known_number,
    outputs,
    random_images,
)


@dataclass(frozen=True)
class Padding(Network):
    """A padding under test.

    Attributes:
        padding: Pixels that it adds on each side.
    """

    padding: int = 0


def shape(padding: Padding) -> None:
    """A map grows by `padding` pixels on each side; one too small for that raises a ShapeError."""
    for size in (padding.size, (1, 1), (1, 5), (2, 3)):
        due = (size[0] + 2 * padding.padding, size[1] + 2 * padding.padding)
        try:
            demand_image(padding, padding.moved(), 2, size, due)
        except ShapeError:
            demand(size != padding.size, f"it refuses a map of {size[0]}×{size[1]}")


def inside(padding: Padding) -> None:
    """Between the padded pixels the map is the one that came."""
    (x,) = padding.example()
    n = padding.padding
    height, width = padding.size
    out = outputs(padding.moved(), (x,))["output"][..., n : n + height, n : n + width]
    demand(torch.equal(out, x), "the middle of the output is not the input")


PADDING_CHECKS: tuple[Check, ...] = (shape, inside, *NETWORK_CHECKS)


def check_padding(
    factory: Callable[[], nn.Module],
    *,
    padding: int | None = None,
    size: Size = (5, 6),
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a padding keeps the contract of paddings.

    Args:
        factory: Builds a fresh padding, as `lambda: PADDINGS.build("reflect", 2)` does.
        padding: Pixels that it adds on each side; None reads them from the module or its spec.
        size: Height and width of the maps of most checks.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("padding")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import PADDINGS
        >>> check_padding(lambda: PADDINGS.build("reflect", 2), only=["shape", "inside"])
    """
    padding = known_number(factory, "padding") if padding is None else padding
    subject = Padding("paddings", factory, random_images(3), size, 3, backend, padding)
    run_checks(subject, PADDING_CHECKS, only)
