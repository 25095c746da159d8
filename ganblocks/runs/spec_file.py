"""Reads a run's `spec.json`, and validates it before use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from ganblocks.errors import RunError

_LARGEST = 2**24  # bytes; a spec has a few thousand
_DEEPEST = 50  # levels; a spec has about ten
_KINDS: dict[str, type] = {
    **dict.fromkeys(("networks", "pictures", "options", "versions", "data"), dict),
    **dict.fromkeys(("scores", "baselines", "better"), dict),
    "grid": list,
}
"""The entries that ganblocks reads; others are only displayed."""


def read_spec(path: Path) -> dict[str, Any]:
    """Reads `spec.json`.

    Raises:
        RunError: It cannot be read, or is not a JSON object.
    """
    try:
        if not path.is_file():
            raise OSError("it is not a file")
        if (size := path.stat().st_size) > _LARGEST:
            raise OSError(f"it has {size} bytes, more than {_LARGEST}")
        spec = json.loads(path.read_bytes(), parse_constant=_refuse)
        if _depth(spec) > _DEEPEST:
            raise RecursionError(f"it is nested more than {_DEEPEST} levels deep")
    except (OSError, RecursionError) as error:
        raise RunError(
            f"cannot read {path} ({error}): pass a run's folder, which contains a spec.json as fit "
            "writes it"
        ) from None
    except ValueError as error:
        raise RunError(
            f"{path} cannot be read, as it is not JSON ({error}): restore the run's spec.json"
        ) from None
    if not isinstance(spec, dict):
        kind = type(spec).__name__
        raise RunError(f'{path} contains a {kind}: it must contain an object, {{"task": …}}')
    return spec


def require_kinds(spec: dict[str, Any], path: Path) -> None:
    """Raises `RunError` if an entry that is used has the wrong type; a report shows any type."""
    for key, expected in _KINDS.items():
        if not isinstance(spec.get(key, expected()), expected):
            found, name = type(spec[key]).__name__, "an object" if expected is dict else "a list"
            raise RunError(f"{key} in {path} is of type {found}: it must be {name}, as fit writes")


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")
