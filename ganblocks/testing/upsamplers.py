"""The contract of up-samplers."""

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


def shape(upsampler: Network) -> None:
    """(B, in_channels, H, W) becomes (B, out_channels, 2 · H, 2 · W), down to the smallest."""
    for size in (upsampler.size, *SIZES):
        demand_image(upsampler, upsampler.moved(), 2, size, (2 * size[0], 2 * size[1]))


SIZES: tuple[Size, ...] = ((1, 1), (3, 5), (6, 4))
UPSAMPLER_CHECKS: tuple[Check, ...] = (shape, *NETWORK_CHECKS)


def check_upsampler(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (6, 8),
    in_channels: int | None = None,
    out_channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that an up-sampler keeps the contract of up-samplers.

    Args:
        factory: Builds a fresh up-sampler.
        size: Height and width of the maps of most checks.
        in_channels: Channels of its input; None reads them from the module or its spec.
        out_channels: Channels of its output; None likewise.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("upsampler")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import UPSAMPLERS
        >>> check_upsampler(lambda: UPSAMPLERS.build("deconv", 4, 3), only=["shape"])
    """
    channels = in_channels or known_number(factory, "in_channels")
    out_channels = out_channels or number_of(factory, "out_channels")
    upsampler = Network("upsamplers", factory, random_images(channels), size, out_channels, backend)
    run_checks(upsampler, UPSAMPLER_CHECKS, only)
