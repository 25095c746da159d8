"""Details in which implementations of pix2pix's U-Net differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ganblocks.errors import OptionError, not_one_of, require_one_of
from ganblocks.registry import ComponentLike, Registry

UNET_DIALECTS: Registry[UNetDialect] = Registry("unet dialects")
"""Dialects by name: `"port"`, `"lua"`, `"tutorial"`."""


@UNET_DIALECTS.register("port")
@dataclass(frozen=True, kw_only=True)
class UNetDialect:
    """Details in which implementations of pix2pix's U-Net differ.

    The defaults are those of the PyTorch port, `"port"`. `UNetGenerator(dialect=…)` takes a name,
    `"port"`, `"lua"` (the paper's own code; Isola et al., CVPR 2017) or `"tutorial"`; a spec that
    changes some fields, such as `{"type": "lua", "bottleneck_norm": "batch"}`; or a `UNetDialect`.

    Args:
        skip_features: What the skips carry: the encoder's maps after (`"activated"`) or before
            (`"raw"`) their activation.
        decoder_activation: Whether the decoder's maps are activated after (`"after_join"`) or
            before (`"before_join"`) they are joined with the skip.
        concat_order: `"skip_first"` or `"decoder_first"`.
        dropout_levels: Decoder levels with dropout, 0 being the innermost; `"port"` is 1 to
            num_downs − 5, and `"paper"` the three innermost.
        bottleneck_norm: Norm of the innermost convolution, from `NORMS`. At batch 1 a norm over
            a 1×1 map outputs a constant, so the default is `"none"`.
        last_norm: Norm before the last activation.
        bias: Whether the convolutions have a bias; `"auto"` adds one where no norm follows.
        last_bias: The same for the last deconvolution.

    Raises:
        OptionError: A field has an invalid value, or the skips would have no activation.

    Examples:
        >>> from ganblocks import UNetGenerator
        >>> early = {"type": "lua", "bottleneck_norm": "batch"}
        >>> generator = UNetGenerator(base_channels=4, num_downs=3, dialect=early)
        >>> generator.dialect.skip_features
        'raw'
    """

    skip_features: str = "activated"
    decoder_activation: str = "after_join"
    concat_order: str = "skip_first"
    dropout_levels: Iterable[int] | str = "port"
    bottleneck_norm: ComponentLike = "none"
    last_norm: ComponentLike = "none"
    bias: bool | str = False
    last_bias: bool | str = "auto"

    def __post_init__(self) -> None:
        require_one_of("skip_features", self.skip_features, ("activated", "raw"))
        orders = ("after_join", "before_join")
        require_one_of("decoder_activation", self.decoder_activation, orders)
        require_one_of("concat_order", self.concat_order, ("skip_first", "decoder_first"))
        if (self.skip_features, self.decoder_activation) == ("raw", "before_join"):
            raise OptionError(
                "skip_features='raw' with decoder_activation='before_join' leaves the skips "
                "without any activation: change one of the two"
            )


def dropout_levels(dialect: UNetDialect, num_downs: int) -> tuple[int, ...]:
    """Returns the decoder levels with dropout of a U-Net of this depth."""
    levels = dialect.dropout_levels
    if levels == "port":
        return tuple(range(1, num_downs - 4))
    if levels == "paper":
        return tuple(range(min(3, num_downs - 1)))
    if isinstance(levels, str):
        message = not_one_of("dropout_levels", levels, ["port", "paper"])
        raise OptionError(f"{message}, or a list of decoder levels such as [0, 1]")
    return require_decoder_levels("dropout_levels", levels, num_downs)


def require_decoder_levels(argument: str, levels: Iterable[int], num_downs: int) -> tuple[int, ...]:
    """Returns the levels; raises `OptionError` unless each is an inner level of the decoder."""
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise OptionError(
            f"{argument} is {levels!r}: write a list of decoder levels, such as [0, 1]"
        )
    levels = tuple(levels)
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level < num_downs - 1:
            raise OptionError(
                f"{argument} has {level!r}: a U-Net with num_downs={num_downs} has the decoder "
                f"levels 0 (innermost) to {num_downs - 2} before the one that produces the image"
            )
    return levels


# The Lua code zeroes every bias before every step.
LUA = {"skip_features": "raw", "dropout_levels": "paper", "last_bias": False}
TUTORIAL = {
    "decoder_activation": "before_join",
    "concat_order": "decoder_first",
    "dropout_levels": "paper",
    "last_norm": "batch",
}
UNET_DIALECTS.preset("lua", {"type": "port", **LUA}, "The paper's code (Isola et al., CVPR 2017)")
UNET_DIALECTS.preset("tutorial", {"type": "port", **TUTORIAL}, "Activation after norm")
