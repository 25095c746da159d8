"""One family of errors: what came, what is allowed, what to write instead."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from math import inf

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

NOTE = "More in ganblocks' documentation, page Troubleshooting, entry "
"""How the note below an error's message begins; the name of the entry follows."""


class GanBlocksError(Exception):
    """Any mistake that ganblocks explains; catch this one to catch them all.

    `str(error)` is the message alone. A traceback has a note below it, which names the entry of
    the documentation's page Troubleshooting that says more.

    Args:
        *args: The message.
        see: The entry's name; each class has one of its own.

    Attributes:
        see: The entry's name.

    Examples:
        >>> error = ShapeError("image of 8×8", see="image-too-small")
        >>> str(error), error.see
        ('image of 8×8', 'image-too-small')
        >>> error.__notes__
        ["More in ganblocks' documentation, page Troubleshooting, entry 'image-too-small'"]
    """

    see = "errors-of-ganblocks"

    def __init__(self, *args: object, see: str | None = None) -> None:
        super().__init__(*args)
        if see is not None:
            self.see = see
        self.add_note(f"{NOTE}{self.see!r}")


class RegistryError(GanBlocksError, LookupError):
    """A name is unknown, taken twice, or cannot be loaded."""

    see = "unknown-name"


class OptionError(GanBlocksError, ValueError, TypeError):
    """An argument, a spec or a flag has a value, a name or a type that is not allowed."""

    see = "wrong-option"


class SpecError(GanBlocksError, TypeError):
    """A component has no spec, or a spec is not plain JSON."""

    see = "no-spec"


class ShapeError(GanBlocksError, ValueError):
    """A tensor's shape does not fit the component."""

    see = "wrong-shape"


class UnknownOperationError(GanBlocksError, NotImplementedError):
    """A network does something to which the receptive-field calculator has no rule."""

    see = "unknown-operation"


class DataError(GanBlocksError, ValueError):
    """A file or folder of a dataset is missing, unpaired, broken or of the wrong size."""

    see = "pairs-do-not-match"


class WeightsError(GanBlocksError, ValueError):
    """A state dict does not fit the network, or is not one."""

    see = "state-dict"


class RunError(GanBlocksError, RuntimeError):
    """A run folder or checkpoint cannot be read, written or continued."""

    see = "run-folder"


def listed(names: Iterable[object]) -> str:
    """Writes names as one readable list, each as it is typed in Python.

    Examples:
        >>> listed(["relu", "tanh"])
        "'relu', 'tanh'"
    """
    return ", ".join(repr(name) for name in names) or "(none)"


def not_one_of(what: str, got: object, allowed: Iterable[str]) -> str:
    """Words the three-part message for a name that is not on the list.

    Examples:
        >>> not_one_of("norm", "bath", ["batch", "instance"])
        "unknown norm 'bath': did you mean 'batch'? Allowed: 'batch', 'instance'"
    """
    allowed = sorted(allowed)
    near = get_close_matches(str(got), allowed, n=2, cutoff=0.5)
    hint = f" did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"unknown {what} {got!r}:{hint} Allowed: {listed(allowed)}"


def require_one_of(what: str, got: str, allowed: Iterable[str], *, see: str | None = None) -> None:
    """Raises `OptionError`, with that entry, unless `got` is one of the `allowed` words.

    Examples:
        >>> require_one_of("direction", "a2b", ["a2b", "b2a"])
    """
    allowed = tuple(allowed)
    if got not in allowed:
        raise OptionError(not_one_of(what, got, allowed), see=see)


def require_at_least(what: str, got: float, least: float) -> None:
    """Raises `OptionError` unless `got` is a finite number not below `least`.

    Examples:
        >>> require_at_least("num_downs", 8, 1)
    """
    if isinstance(got, bool) or not isinstance(got, int | float) or not least <= got < inf:
        raise OptionError(f"{what} is {got!r}: write a number that is at least {least}")


def require_count(what: str, got: int, least: int) -> None:
    """Raises `OptionError` unless `got` is a whole number not below `least`.

    Examples:
        >>> require_count("num_downs", 8, least=1)
    """
    if isinstance(got, bool) or not isinstance(got, int) or got < least:
        raise OptionError(f"{what} is {got!r}: write a whole number that is at least {least}")


def require_flag(what: str, got: bool) -> None:
    """Raises `OptionError` unless `got` is True or False.

    Examples:
        >>> require_flag("spectral_norm", True)
    """
    if not isinstance(got, bool):
        raise OptionError(f"{what} is {got!r}: write True or False")


def require_fraction(what: str, got: float) -> None:
    """Raises `OptionError` unless `got` is a number from 0 to 1.

    Examples:
        >>> require_fraction("dropout", 0.5)
    """
    if isinstance(got, bool) or not isinstance(got, int | float) or not 0 <= got <= 1:
        raise OptionError(f"{what} is {got!r}: write a number from 0 to 1")


def require_image(
    who: str, shape: Sequence[int], channels: int, parameter: str = "in_channels"
) -> None:
    """Raises `ShapeError` unless the shape is (B, `channels`, H, W).

    Examples:
        >>> require_image("generator", (1, 3, 256, 256), 3)
    """
    if len(shape) == 4 and 0 in shape:
        raise ShapeError(f"{who} got a tensor of shape {tuple(shape)}: there is nothing in it")
    if len(shape) != 4 or shape[1] != channels:
        if len(shape) == 4 and shape[-1] == channels:
            remedy = "Channels come second: x.permute(0, 3, 1, 2)"
        elif len(shape) == 4:
            remedy = f"Build it with {parameter}={shape[1]} for such images"
        elif len(shape) < 4:
            remedy = "A single image gets its batch dimension with x.unsqueeze(0)"
        else:
            remedy = "Networks here have two dimensions: give the slices of a volume as a batch"
        raise ShapeError(
            f"{who} got a tensor of shape {tuple(shape)}: it takes (B, {channels}, H, W). {remedy}"
        )


class GanBlocksWarning(UserWarning):
    """Something will work, but hardly as its caller expects."""


class HealthWarning(GanBlocksWarning):
    """A training problem was detected; the message names the option to change."""
