"""The public names: those of the top level, and those that each module lists in `__all__`."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import ganblocks

MODULES = tuple(
    f"ganblocks.{name}"
    for name in (
        *("augment", "blocks", "cli", "data", "demo", "discriminators", "distributed", "errors"),
        *("generators", "health", "inference", "losses", "losses.functional", "metrics"),
        *("pictures", "randomness", "registry", "report", "rf", "runs", "tasks", "testing"),
        *("training", "weights"),
    )
)

TOP = [
    name
    for name in ganblocks.__all__
    if name != "__version__" and not inspect.ismodule(getattr(ganblocks, name))
]
"""Names that are imported as `from ganblocks import …`."""


def _homes() -> dict[str, str]:
    modules = {path: importlib.import_module(path) for path in MODULES}
    homes = {name: path for path, module in modules.items() for name in module.__all__}
    return homes | dict.fromkeys(TOP, "ganblocks")


HOMES = _homes()
"""Every public name → the module that it is imported from."""


def path_of(name: str) -> str:
    """Returns the path that a public name is documented under, such as `ganblocks.rf.coverage`."""
    return f"{HOMES[name]}.{name}"


def value_of(name: str) -> Any:
    """Returns the object of a public name."""
    return getattr(importlib.import_module(HOMES[name]), name)
