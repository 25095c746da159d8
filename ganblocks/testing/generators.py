"""The contract of generators."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn

from ganblocks.testing.contract import Check, run_checks
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import (
    EAGER,
    Network,
    Size,
    demand_image,
    known_number,
    number_of,
    random_images,
)


def shape(generator: Network) -> None:
    """(B, in_channels, H, W) becomes (B, out_channels, H, W), finite float32."""
    demand_image(generator, generator.moved(), 2, generator.size, generator.size)


def any_size(generator: Network) -> None:
    """Images keep their size, odd, oblong, or down to 1×1; at batch 1, in either mode."""
    module = generator.used()
    for training in (True, False):
        for size in ((1, 1), (3, 5), (33, 47), (16, 8)):
            demand_image(generator, module.train(training), 1, size, size)


GENERATOR_CHECKS: tuple[Check, ...] = (shape, any_size, *NETWORK_CHECKS)


def check_generator(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (12, 16),
    in_channels: int | None = None,
    out_channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a generator keeps the contract of generators.

    Args:
        factory: Builds a fresh generator; a narrow one checks faster.
        size: Height and width of the images of most checks.
        in_channels: Channels of its input; None reads them from the generator or its spec.
        out_channels: Channels of its output; None likewise, and unchecked where nobody knows.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("generator")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import UNetGenerator
        >>> small = lambda: UNetGenerator(base_channels=2, num_downs=2)
        >>> check_generator(small, only=["any_size", "layout"])
    """
    channels = in_channels or known_number(factory, "in_channels")
    generator = Network(
        "generators",
        factory,
        random_images(channels),
        size,
        out_channels or number_of(factory, "out_channels"),
        backend,
    )
    run_checks(generator, GENERATOR_CHECKS, only)
