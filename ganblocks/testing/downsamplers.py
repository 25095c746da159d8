"""The contract of down-samplers."""

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


def shape(downsampler: Network) -> None:
    """(B, in_channels, H, W) becomes (B, out_channels, ⌊H / 2⌋, ⌊W / 2⌋), down to the smallest."""
    for size in (downsampler.size, *SIZES):
        demand_image(downsampler, downsampler.moved(), 2, size, (size[0] // 2, size[1] // 2))


SIZES: tuple[Size, ...] = ((2, 2), (2, 3), (5, 7), (6, 4))
DOWNSAMPLER_CHECKS: tuple[Check, ...] = (shape, *NETWORK_CHECKS)


def check_downsampler(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (6, 8),
    in_channels: int | None = None,
    out_channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a down-sampler keeps the contract of down-samplers.

    Args:
        factory: Builds a fresh down-sampler.
        size: Height and width of the maps of most checks.
        in_channels: Channels of its input; None reads them from the module or its spec.
        out_channels: Channels of its output; None likewise.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("downsampler")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import DOWNSAMPLERS
        >>> check_downsampler(lambda: DOWNSAMPLERS.build("conv", 4, 3), only=["shape"])
    """
    channels = in_channels or known_number(factory, "in_channels")
    out_channels = out_channels or number_of(factory, "out_channels")
    downsampler = Network(
        "downsamplers", factory, random_images(channels), size, out_channels, backend
    )
    run_checks(downsampler, DOWNSAMPLER_CHECKS, only)
