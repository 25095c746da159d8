"""The contract of norms."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
    mode_of,
    outputs,
    random_images,
)


def shape(norm: Network) -> None:
    """A map keeps its shape, whatever its size, at batch 1 too."""
    for size in (norm.size, (1, 3), (5, 1), (33, 47)):
        for batch in (1, 2):
            for training in (True, False):
                demand_image(norm, norm.moved().train(training), batch, size, size)


def single_value(norm: Network) -> None:
    """A 1×1 map at batch 1 either leaves its mark on the output, or raises a ShapeError."""
    (x,) = norm.example(1, (1, 1))
    for training in (True, False):
        module = norm.moved().train(training)
        try:
            one, other = (outputs(module, (image,))["output"] for image in (x, 2 * x.flip(1) + 1))
        except ShapeError:
            continue
        demand(
            bool((one - other).abs().max() > 1e-6),
            f"in {mode_of(module)} mode the result is the same for every image",
        )


NORM_CHECKS: tuple[Check, ...] = (shape, single_value, *NETWORK_CHECKS)


def check_norm(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (4, 6),
    channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a norm keeps the contract of norms.

    Args:
        factory: Builds a fresh norm, as `lambda: NORMS.build("batch", 8)` does.
        size: Height and width of the maps of most checks.
        channels: Channels of its input; None reads them from the norm or its spec.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("norm")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import NORMS
        >>> check_norm(lambda: NORMS.build("instance", 8), only=["layout", "single_value"])
    """
    channels = channels or known_number(factory, "channels", "num_features", "num_channels")
    norm = Network("norms", factory, random_images(channels), size, channels, backend)
    run_checks(norm, NORM_CHECKS, only)
