"""Networks that give several maps: by number, or by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganblocks.errors import OptionError


def named_outputs(made: Any) -> dict[Any, Any]:
    """Returns what a network made by number or key; a single map has the number 0.

    Examples:
        >>> named_outputs(["near", "far"])
        {0: 'near', 1: 'far'}
    """
    if isinstance(made, Mapping):
        return dict(made)
    return dict(enumerate(made if isinstance(made, list | tuple) else [made]))


def picked(made: Any, output: Any) -> Any:
    """Picks one of the maps that a network made."""
    known = named_outputs(made)
    if output not in known:
        raise OptionError(f"output is {output!r}: the network gives {list(known)}")
    return known[output]


def for_each_output(made: Any, change: Callable[[Any, Any], Any]) -> Any:
    """Puts `change(map, key)` in the place of each map, in the form that the network gave."""
    changed = {key: change(value, key) for key, value in named_outputs(made).items()}
    if isinstance(made, Mapping):
        return changed
    return tuple(changed.values()) if isinstance(made, list | tuple) else changed[0]
