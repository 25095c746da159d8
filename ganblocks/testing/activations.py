"""The contract of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn

from ganblocks.testing.contract import Check, run_checks
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import EAGER, Network, Size, demand_image, random_images


def shape(activation: Network) -> None:
    """A map keeps its shape, whatever its size."""
    for size in (activation.size, (1, 1), (3, 5)):
        demand_image(activation, activation.moved(), 2, size, size)


ACTIVATION_CHECKS: tuple[Check, ...] = (shape, *NETWORK_CHECKS)


def check_activation(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (4, 6),
    channels: int = 8,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that an activation keeps the contract of activations.

    Args:
        factory: Builds a fresh activation.
        size: Height and width of the maps of most checks.
        channels: Channels of the maps.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("activation")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import ACTIVATIONS
        >>> check_activation(lambda: ACTIVATIONS.build("relu"), only=["input_untouched"])
    """
    activation = Network("activations", factory, random_images(channels), size, channels, backend)
    run_checks(activation, ACTIVATION_CHECKS, only)
