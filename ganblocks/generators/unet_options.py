"""What the U-Net's arguments mean once the others are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganblocks.errors import OptionError, not_one_of
from ganblocks.registry import ComponentLike

DEFAULT_KERNEL = 4


def samplers_with_kernel(
    down: ComponentLike, up: ComponentLike, kernel_size: int
) -> tuple[ComponentLike, ComponentLike]:
    """Hands the kernel size to the strided samplers, whose specs do not say it already."""
    strided = [
        {"kernel_size": kernel_size, **spec}
        if spec.get("type") == name and "kernel_size" not in spec
        else None
        for spec, name in [(_spec(down), "conv"), (_spec(up), "deconv")]
    ]
    if kernel_size != DEFAULT_KERNEL and not any(strided):
        raise OptionError(
            f"kernel_size={kernel_size} would do nothing: neither down={down!r} nor up={up!r} is "
            "strided without a kernel of its own. Write it into their specs, such as "
            f'{{"type": "nearest", "kernel_size": {kernel_size | 1}}}'
        )
    return strided[0] or down, strided[1] or up


def resolve_dropout_levels(levels: Iterable[int] | str, num_downs: int) -> tuple[int, ...]:
    """Returns the decoder levels with dropout: `"port"`, `"paper"`, or those that are listed."""
    if isinstance(levels, str):
        if levels not in ("port", "paper"):
            words = not_one_of("dropout_levels", levels, ["port", "paper"])
            raise OptionError(f"{words}, or a list of decoder levels such as [0, 1]")
        return tuple(range(1, num_downs - 4) if levels == "port" else range(min(3, num_downs - 1)))
    return require_decoder_levels("dropout_levels", levels, num_downs)


def require_decoder_levels(argument: str, levels: Iterable[int], num_downs: int) -> tuple[int, ...]:
    """Raises `OptionError` unless each is a level of the decoder before the image's."""
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise OptionError(
            f"{argument} is {levels!r}: write a list of decoder levels, such as [0, 1]"
        )
    levels = tuple(levels)
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level < num_downs - 1:
            raise OptionError(
                f"{argument} has {level!r}: a U-Net of num_downs={num_downs} has the decoder "
                f"levels 0 (innermost) to {num_downs - 2} before the one that makes the image"
            )
    return levels


def _spec(sampler: ComponentLike) -> Mapping[str, object]:
    if isinstance(sampler, str):
        return {"type": sampler}
    return sampler if isinstance(sampler, Mapping) else {}
