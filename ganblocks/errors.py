"""The exceptions of ganblocks, and checks that raise them.

A message states what was received, what is allowed, and what to write instead.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "DataError",
    "GanBlocksError",
    "GanBlocksWarning",
    "HealthWarning",
    "OptionError",
    "RegistryError",
    "RunError",
    "ShapeError",
    "SpecError",
    "UnknownOperationError",
    "WeightsError",
]

MOST_LEVELS = 24
"""Maximum number of halvings, layers or scales of a network; enough for a million pixels."""

MOST_BLOCKS = 1000
"""Maximum number of blocks of one kind in a network."""

NOTE = "See the Troubleshooting page of the ganblocks documentation, entry "
"""Start of the note added to every error; the name of the entry follows."""


class GanBlocksError(Exception):
    """Base class of all ganblocks errors.

    Tracebacks add a note that names an entry on the documentation's Troubleshooting page;
    `str(error)` is the message without it.

    Args:
        *args: The message.
        see: The name of the entry; defaults to that of the class.

    Attributes:
        see: The name of the entry.

    Examples:
        >>> error = ShapeError("image of 8×8", see="image-too-small")
        >>> str(error), error.see
        ('image of 8×8', 'image-too-small')
        >>> error.__notes__
        ["See the Troubleshooting page of the ganblocks documentation, entry 'image-too-small'"]
    """

    see = "errors-of-ganblocks"

    def __init__(self, *args: object, see: str | None = None) -> None:
        super().__init__(*args)
        if see is not None:
            self.see = see
        self.add_note(f"{NOTE}{self.see!r}")


class RegistryError(GanBlocksError, LookupError):
    """A name is unknown, already taken, or could not be loaded."""

    see = "unknown-name"


class OptionError(GanBlocksError, ValueError, TypeError):
    """An argument, a key of a spec or a flag is unknown or has an invalid value."""

    see = "wrong-option"


class SpecError(GanBlocksError, TypeError):
    """A component has no spec, or its spec would not be plain JSON."""

    see = "no-spec"


class ShapeError(GanBlocksError, ValueError):
    """A tensor's shape does not fit the component."""

    see = "wrong-shape"


class UnknownOperationError(GanBlocksError, NotImplementedError):
    """A network uses an operation that the receptive-field calculator has no rule for."""

    see = "unknown-operation"


class DataError(GanBlocksError, ValueError):
    """A file or folder of a dataset is missing, unpaired or broken, or has the wrong size."""

    see = "pairs-do-not-match"


class WeightsError(GanBlocksError, ValueError):
    """A state dict does not fit the network, or is not a state dict."""

    see = "state-dict"


class RunError(GanBlocksError, RuntimeError):
    """A run folder or checkpoint could not be read, written or resumed."""

    see = "run-folder"


def listed(names: Iterable[object]) -> str:
    """Joins names with commas, each in quotes as in Python."""
    return ", ".join(map(repr, names)) or "(none)"


def did_you_mean(name: object, known: Iterable[str], most: int = 2) -> str:
    """Returns a question that suggests the closest known names, or "" if none is close.

    Examples:
        >>> did_you_mean("bath", ["batch", "instance"])
        "did you mean 'batch'? "
        >>> did_you_mean("AtoB", ["a2b", "b2a"])
        "did you mean 'a2b'? "
    """
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(str(name).lower(), by_lower, n=most, cutoff=0.5)
    return f"did you mean {' or '.join(repr(by_lower[one]) for one in near)}? " if near else ""


def not_one_of(what: str, value: object, allowed: Iterable[str]) -> str:
    """Returns the message for a name that is not allowed.

    Examples:
        >>> not_one_of("norm", "bath", ["batch", "instance"])
        "unknown norm 'bath': did you mean 'batch'? Allowed: 'batch', 'instance'"
    """
    allowed = sorted(allowed)
    hint = did_you_mean(value, allowed)
    return f"unknown {what} {value!r}{f': {hint}' if hint else '. '}Allowed: {listed(allowed)}"


def singular(kind: str) -> str:
    """Returns the word for one component of a kind.

    Examples:
        >>> [singular(kind) for kind in ("norms", "penalties", "adversarial losses")]
        ['norm', 'penalty', 'adversarial loss']
    """
    one = {"sses": "ss", "ies": "y", "s": ""}
    ending = next((end for end in one if kind.endswith(end)), "")
    return kind.removesuffix(ending) + one.get(ending, "")


def require_one_of(
    what: str, value: str, allowed: Iterable[str], *, see: str | None = None
) -> None:
    """Raises `OptionError` unless `value` is one of the allowed names."""
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise OptionError(not_one_of(what, value, allowed), see=see)


def require_at_least(what: str, value: float, least: float) -> None:
    """Raises `OptionError` unless `value` is a finite number and at least `least`."""
    if not _is_a(value, int | float) or not least <= value < inf:
        raise OptionError(f"{what} is {value!r}: write a number that is at least {least}")


def require_positive(what: str, value: float) -> None:
    """Raises `OptionError` unless `value` is a finite number above 0."""
    if not _is_a(value, int | float) or not 0 < value < inf:
        raise OptionError(f"{what} is {value!r}: write a number above 0")


def require_count(what: str, value: int, least: int, most: int = 2**63 - 1) -> None:
    """Raises `OptionError` unless `value` is a whole number from `least` to `most`."""
    if not _is_a(value, int) or value < least:
        raise OptionError(f"{what} is {value!r}: write a whole number that is at least {least}")
    if value > most:
        raise OptionError(f"{what} is {value!r}: write a whole number that is at most {most}")


def require_flag(what: str, value: bool) -> None:
    """Raises `OptionError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise OptionError(f"{what} is {value!r}: write True or False")


def require_fraction(what: str, value: float) -> None:
    """Raises `OptionError` unless `value` is a number from 0 to 1."""
    if not _is_a(value, int | float) or not 0 <= value <= 1:
        raise OptionError(f"{what} is {value!r}: write a number from 0 to 1")


def _is_a(value: object, numbers: Any) -> bool:
    return isinstance(value, numbers) and not isinstance(value, bool)


def require_floats(who: str, what: str, x: object) -> None:
    """Raises `OptionError` unless `x` is a floating-point tensor."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise OptionError(
            f"{who} got {got} as {what}: pass a tensor of floats. Pixels from 0 to 255 become "
            "images in [-1, 1] by x / 127.5 - 1",
            see="wrong-shape",
        )


def require_image(
    who: str,
    x: Tensor,
    channels: int,
    parameter: str = "in_channels",
    *,
    network: nn.Module | None = None,
) -> None:
    """Raises an error unless `x` is a floating-point tensor (B, `channels`, H, W).

    Args:
        who: The component that takes the image, for the message.
        x: The image.
        channels: The expected number of channels.
        parameter: The argument that sets it.
        network: If given, the image must have the dtype of its weights, except under autocast.

    Raises:
        OptionError: `x` is not a tensor, or has the wrong dtype.
        ShapeError: `x` has the wrong shape.
    """
    require_floats(who, "an image", x)
    shape = tuple(x.shape)
    if len(shape) == 4 and 0 in shape:
        raise ShapeError(f"{who} got an empty tensor of shape {shape}")
    if len(shape) != 4 or shape[1] != channels:
        if len(shape) == 4 and shape[-1] == channels:
            remedy = "Channels come second: pass x.permute(0, 3, 1, 2)"
        elif len(shape) == 4:
            remedy = f"Build it with {parameter}={shape[1]} for these images"
        elif len(shape) < 4:
            remedy = "Add a batch dimension to a single image: x.unsqueeze(0)"
        else:
            remedy = "These networks are 2D: pass the slices of a volume as a batch"
        raise ShapeError(
            f"{who} got a tensor of shape {shape}: expected (B, {channels}, H, W). {remedy}"
        )
    if network is not None:
        _require_type_of_weights(who, x, network)


def _require_type_of_weights(who: str, x: Tensor, network: nn.Module) -> None:
    weight = next((p for p in network.parameters() if p.is_floating_point()), x)
    if weight.dtype == x.dtype or hasattr(weight, "full_tensor"):  # FSDP may convert both
        return
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return
    raise OptionError(
        f"{who} got an image of {x.dtype}, but its weights are {weight.dtype}: pass "
        f"x.to({weight.dtype}), or convert the network, network.to({x.dtype})",
        see="wrong-shape",
    )


class GanBlocksWarning(UserWarning):
    """Something works, but probably not as expected."""


class HealthWarning(GanBlocksWarning):
    """A training problem was detected; the message names the option to change."""
