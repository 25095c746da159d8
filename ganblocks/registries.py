"""All registries of the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ganblocks.errors import RegistryError, not_one_of
from ganblocks.registry import Registry

_ROOMS = (
    "generators",
    "discriminators",
    "losses",
    "metrics",
    "augment",
    "blocks",
    "data",
    "tasks",
    "training",
)


def registries() -> dict[str, Registry[Any]]:
    """Returns every registry by the name of its constant, such as `GENERATORS`."""
    rooms = [import_module(f"ganblocks.{room}") for room in _ROOMS]
    public = {name: getattr(room, name) for room in rooms for name in room.__all__}
    return {name: value for name, value in public.items() if isinstance(value, Registry)}


def registry_of(kind: str) -> Registry[Any]:
    """Returns the registry of a kind, given in the plural or the singular.

    Raises:
        RegistryError: The kind is unknown.
    """
    known = {registry.kind: registry for registry in registries().values()}
    wanted = kind.lower().replace("_", " ").replace("-", " ")
    for name, registry in known.items():
        if wanted in (name, _singular(name)):
            return registry
    raise RegistryError(not_one_of("kind", kind, known))


def _singular(kind: str) -> str:
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if kind.endswith(plural):
            return kind.removesuffix(plural) + singular
    return kind
