"""Plug-ins: what installed packages offer to a registry by entry point, read without importing."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any

from ganblocks.errors import GanBlocksWarning, RegistryError


@dataclass(frozen=True)
class Plugin:
    """One entry point: a name, where its class or factory is, and who installed it."""

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
        except BaseException as error:  # whatever a foreign module does
            raise self.broken(f"{type(error).__name__}: {error}") from error
        if not callable(target):
            raise self.broken(f"it is {target!r}, which is neither a class nor a function")
        return target  # type: ignore[no-any-return]

    def broken(self, why: str) -> RegistryError:
        """Words the error of a plug-in that cannot be used."""
        return RegistryError(
            f"{self.name!r} of {self.kind} comes from {self} and cannot be loaded: {why}. Repair "
            f"or uninstall {self.distribution}; all other names work"
        )

    def defines(self, factory: Callable[..., Any]) -> bool:
        """Tells whether this is where a registered factory comes from; imports nothing.

        What code of the same package registers by this name is the plug-in's own.
        """
        module, _, attribute = self.value.partition(":")
        if factory.__module__.partition(".")[0] == module.partition(".")[0]:
            return True
        found = getattr(sys.modules.get(module), attribute, None)
        return callable(found) and inspect.unwrap(found) is inspect.unwrap(factory)


def group_of(kind: str) -> str:
    """Names the entry-point group of a registry."""
    return f"ganblocks.{kind.replace(' ', '_')}"


def plugins_of(kind: str) -> dict[str, list[Plugin]]:
    """Reads the entry points of a registry's group; more than one to a name is a clash."""
    found: dict[str, list[Plugin]] = {}
    for entry in _entry_points(group_of(kind)):
        maker = entry.dist
        plugin = Plugin(
            kind,
            entry.name,
            entry.value,
            maker.name if maker else "an unnamed package",
            maker.version if maker else "",
            entry,
        )
        claims = found.setdefault(entry.name, [])
        if plugin.value not in [claim.value for claim in claims]:
            claims.append(plugin)
    return found


def _entry_points(group: str) -> Iterator[EntryPoint]:
    try:
        yield from entry_points(group=group)
    except Exception:  # one package's malformed file spoils the call for all
        first = {distribution.name: distribution for distribution in reversed([*distributions()])}
        for distribution in first.values():  # of one name, the first on the path counts
            try:
                yield from distribution.entry_points.select(group=group)
            except Exception as error:
                warnings.warn(
                    f"the plug-ins of {distribution.name} {distribution.version} are left out: "
                    f"its entry_points.txt cannot be read ({type(error).__name__}: {error})",
                    GanBlocksWarning,
                    stacklevel=2,
                )
