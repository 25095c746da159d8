"""The encoder and the decoder of the U-Net."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from torch import nn

from ganblocks.blocks import ACTIVATIONS, NORMS, DownBlock, UpBlock
from ganblocks.blocks.dropout import DROPOUT_MODES
from ganblocks.errors import (
    MOST_LEVELS,
    OptionError,
    require_count,
    require_fraction,
    require_one_of,
)
from ganblocks.generators.unet_dialect import UNetDialect, dropout_levels
from ganblocks.registry import ComponentLike

DEFAULT_KERNEL = 4


def level_channels(base_channels: int, max_multiplier: int, num_downs: int) -> list[int]:
    """Returns the channels of each encoder level, doubling up to a limit."""
    require_count("base_channels", base_channels, 1)
    require_count("max_multiplier", max_multiplier, 1)
    require_count("num_downs", num_downs, 1, MOST_LEVELS)
    return [base_channels * min(2**i, max_multiplier) for i in range(num_downs)]


def encoder_blocks(
    channels: list[int],
    dialect: UNetDialect,
    down: ComponentLike,
    norm: ComponentLike,
    activation: ComponentLike,
    up_activation: ComponentLike,
) -> nn.ModuleList:
    """Builds the encoder; `channels` lists the image's and each level's."""
    innermost = len(channels) - 2
    if innermost == 0:  # neither is used, but an unknown name is still an error
        NORMS.build(norm, channels[-1])
        ACTIVATIONS.build(activation)
    raw = dialect.skip_features == "raw"
    # In the other dialects the decoder's first block activates the bottleneck.
    bottleneck = up_activation if dialect.decoder_activation == "before_join" else "none"
    blocks = nn.ModuleList()
    for level, (width, out) in enumerate(pairwise(channels)):
        if raw:
            own_activation = activation if level else "none"
        else:
            own_activation = bottleneck if level == innermost else activation
        block = DownBlock(
            width,
            out,
            down=down,
            bias=dialect.bias,
            norm=dialect.bottleneck_norm if level == innermost else norm if level else "none",
            activation=own_activation,
            order="activation conv norm" if raw else "conv norm activation",
        )
        blocks.append(block)
    return blocks


def decoder_blocks(
    channels: list[int],
    dialect: UNetDialect,
    up: ComponentLike,
    norm: ComponentLike,
    activation: ComponentLike,
    skip: str,
    dropout: float,
    dropout_mode: str,
) -> nn.ModuleList:
    """Builds the decoder; `channels` lists each level's, innermost first, and the image's."""
    require_fraction("dropout", dropout)
    require_one_of("dropout_mode", dropout_mode, DROPOUT_MODES)
    outermost = len(channels) - 2
    levels = dropout_levels(dialect, num_downs=len(channels) - 1)
    before_join = dialect.decoder_activation == "before_join"
    order = "conv norm activation dropout" if before_join else "activation conv norm dropout"
    blocks = nn.ModuleList()
    for level, (width, out) in enumerate(pairwise(channels)):
        last = level == outermost
        block = UpBlock(
            2 * width if level and skip == "concat" else width,
            out,
            up=up,
            bias=dialect.last_bias if last else dialect.bias,
            norm=dialect.last_norm if last else norm,
            activation="none" if last and before_join else activation,
            dropout=dropout if level in levels else 0.0,
            dropout_mode=dropout_mode,
            order=order,
        )
        blocks.append(block)
    return blocks


def samplers_with_kernel(
    down: ComponentLike, up: ComponentLike, kernel_size: int
) -> tuple[ComponentLike, ComponentLike]:
    """Adds the kernel size to the specs of strided samplers that don't set one."""
    require_count("kernel_size", kernel_size, 2)
    samplers = (
        _with_kernel(down, "conv", kernel_size),
        _with_kernel(up, "deconv", kernel_size),
    )
    if kernel_size != DEFAULT_KERNEL and samplers == (down, up):
        raise OptionError(
            f"kernel_size={kernel_size} would have no effect: neither down={down!r} nor up={up!r} "
            "takes it. Write it into their specs, such as "
            f'{{"type": "nearest", "kernel_size": {kernel_size | 1}}}'
        )
    return samplers


def _with_kernel(sampler: ComponentLike, strided: str, kernel_size: int) -> ComponentLike:
    spec = {"type": sampler} if isinstance(sampler, str) else sampler
    if not isinstance(spec, Mapping) or spec.get("type") != strided or "kernel_size" in spec:
        return sampler
    return {**spec, "kernel_size": kernel_size}
