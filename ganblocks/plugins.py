"""Plugins: entry points of installed packages, read without importing them."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any

from ganblocks.errors import GanBlocksWarning, RegistryError, singular


@dataclass(frozen=True)
class Plugin:
    """An entry point: a name, the path of a class or factory, and its distribution."""

    kind: str
    name: str
    value: str
    distribution: str
    version: str
    entry: EntryPoint

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.value})"

    def load(self) -> Callable[..., Any]:
        """Imports the class or factory."""
        try:
            target = self.entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything
            raise self.broken(f"{type(error).__name__}: {error}") from error
        if not callable(target):
            raise self.broken(f"{target!r} is neither a class nor a function")
        return target  # type: ignore[no-any-return]

    def broken(self, why: str) -> RegistryError:
        """Returns the error for a plugin that cannot be used."""
        return RegistryError(
            f"the {singular(self.kind)} {self.name!r} comes from {self} and could not be loaded: "
            f"{why}. Fix or uninstall {self.distribution}; all other names still work"
        )

    def defines(self, factory: Callable[..., Any]) -> bool:
        """Returns whether a factory comes from this plugin or its package; imports nothing."""
        module, _, attribute = self.value.partition(":")
        if factory.__module__.partition(".")[0] == module.partition(".")[0]:
            return True
        target = getattr(sys.modules.get(module), attribute, None)
        return callable(target) and inspect.unwrap(target) is inspect.unwrap(factory)


def plugins_of(kind: str) -> dict[str, list[Plugin]]:
    """Returns the plugins of a registry by name; a name with more than one is a clash."""
    plugins: dict[str, list[Plugin]] = {}
    for entry in _entry_points(f"ganblocks.{kind.replace(' ', '_')}"):
        name, version = "an unnamed package", ""
        if entry.dist:
            name, version = entry.dist.name, entry.dist.version
        claims = plugins.setdefault(entry.name, [])
        if entry.value not in [claim.value for claim in claims]:
            claims.append(Plugin(kind, entry.name, entry.value, name, version, entry))
    return plugins


def _entry_points(group: str) -> Iterator[EntryPoint]:
    try:
        yield from entry_points(group=group)
    except Exception:  # one package's malformed file breaks the call for all
        first = {distribution.name: distribution for distribution in reversed([*distributions()])}
        for distribution in first.values():  # as in imports, the first on the path wins
            try:
                yield from distribution.entry_points.select(group=group)
            except Exception as error:
                warnings.warn(
                    f"the plugins of {distribution.name} {distribution.version} are ignored: "
                    f"its entry_points.txt could not be read ({type(error).__name__}: {error})",
                    GanBlocksWarning,
                    stacklevel=2,
                )
