"""The contract of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn

from ganblocks.testing.contract import Check, demand, run_checks
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import (
    EAGER,
    Inputs,
    Network,
    Size,
    known_number,
    number_of,
    outputs,
    random_images,
)


def shape(block: Network) -> None:
    """(B, in_channels, H, W) becomes one finite map (B, out_channels, H', W'), of odd sizes too."""
    height, width = block.size
    for size in ((height, width), (height + 1, width + 1), (width - 1, height)):
        found = outputs(block.moved(), block.example(2, size))
        demand(list(found) == ["output"], f"it gives {list(found)} in place of one tensor")
        (out,) = found.values()
        channels = block.out_channels or out.shape[1]
        demand(
            out.dim() == 4 and tuple(out.shape[:2]) == (2, channels) and out.numel() > 0,
            f"for a batch of 2 it gives {tuple(out.shape)}, not (2, {channels}, H', W')",
        )
        demand(bool(out.isfinite().all()), "the output is not finite")


BLOCK_CHECKS: tuple[Check, ...] = (shape, *NETWORK_CHECKS)


def check_block(
    factory: Callable[[], nn.Module],
    *,
    inputs: Inputs | None = None,
    size: Size = (6, 8),
    in_channels: int | None = None,
    out_channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a block keeps the contract of blocks.

    Args:
        factory: Builds a fresh block.
        inputs: `(batch, height, width) -> tuple` makes the inputs of a block that takes
            something besides the map, each with the batch first.
        size: Height and width of the maps of most checks.
        in_channels: Channels of its input; None reads `in_channels` or `channels` from the
            block or its spec.
        out_channels: Channels of its output; None reads `out_channels` or `channels`.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("block")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import ConvBlock
        >>> check_block(lambda: ConvBlock(3, 4, norm="batch"), only=["gradients", "state_dict"])
    """
    if inputs is None:
        inputs = random_images(in_channels or known_number(factory, "in_channels", "channels"))
    out_channels = out_channels or number_of(factory, "out_channels", "channels")
    block = Network("blocks", factory, inputs, size, out_channels, backend)
    run_checks(block, BLOCK_CHECKS, only)
