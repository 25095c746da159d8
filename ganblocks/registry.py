"""Registries: components by name, including plugins from other packages."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from ganblocks.description import Description
from ganblocks.errors import GanBlocksWarning, OptionError, RegistryError, not_one_of, singular
from ganblocks.plugins import Plugin, plugins_of
from ganblocks.spec import (
    ComponentLike,
    F,
    Spec,
    recording,
    registered_name,
    set_name,
    signature_of,
    spec_of,
)

__all__ = ["ComponentLike", "Description", "Registry", "Spec", "spec_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    component: str  # the name in specs; for a preset, the name of its component
    factory: Callable[..., Any]
    preset: Spec | None = None
    summary: str | None = None
    override: bool = False  # plugins cannot claim the name

    @property
    def target(self) -> str:
        definition = _definition(self.factory)
        return f"{definition.__module__}.{definition.__qualname__}"

    @property
    def place(self) -> str:
        file, line = _source(self.factory)
        return f"{self.target} ({file}:{line})"


class Registry(Generic[T]):
    """A registry of the components of one kind, by name.

    Installed packages can add names through entry points. The group is `"ganblocks."` + kind, with
    underscores instead of spaces: `ganblocks.norms`, `ganblocks.adversarial_losses`. An entry has
    the form `name = "module:class or factory"`, and is imported when the name is first built or
    described. A name that two packages claim is listed with a warning and cannot be built, unless
    one of them registers it with `override=True`.

    Args:
        kind: What the registry holds, in the plural, such as `"generators"`.

    Examples:
        >>> SHAPES = Registry("shapes")
        >>> @SHAPES.register("square")
        ... class Square:
        ...     def __init__(self, side: float = 1.0) -> None:
        ...         self.side = side
        >>> SHAPES.build("square", side=3).side
        3
        >>> spec_of(SHAPES.build({"type": "square"}))
        {'type': 'square', 'side': 1.0}
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._one = singular(kind)
        self._entries: dict[str, _Entry] = {}
        self._loaded: dict[str, _Entry] = {}
        self._warned: set[str] = set()

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}, {len(self._known())} names)"

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._plugins

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def register(self, name: str, *, override: bool = False) -> Callable[[F], F]:
        """Returns a decorator that registers a class or factory function under a name.

        Components then remember the arguments they were built with (see `spec_of`), and the error
        for an unknown argument suggests the closest valid one.

        Args:
            name: The name, in lower case.
            override: Whether to replace a component or plugin that already has the name.

        Raises:
            OptionError: The name is not a string, or the component is not callable.
            RegistryError: The name is taken; the message names both definitions.
        """
        self._require_name(name)

        def decorate(factory: F) -> F:
            recorded = recording(factory, self.kind, name)
            self._add(name, _Entry(name, recorded, override=override))
            return recorded

        return decorate

    def preset(self, name: str, spec: Spec, summary: str, *, override: bool = False) -> None:
        """Registers a spec under a name.

        Args:
            name: The preset's name.
            spec: The component's spec.
            summary: What the preset reproduces, in one line.
            override: Whether to replace a component or plugin that already has the name.

        Raises:
            OptionError: The name is not a string, or the spec has no type.
            RegistryError: The spec's type is unknown, or the preset's name is taken.

        Examples:
            >>> shapes = Registry("shapes")
            >>> @shapes.register("box")
            ... class Box:
            ...     def __init__(self, height: float, width: float) -> None:
            ...         self.area = height * width
            >>> shapes.preset("flat", {"type": "box", "height": 0.5}, "A box of half the height")
            >>> shapes.build("flat", width=4).area
            2.0
        """
        self._require_name(name)
        base = self._type_of(spec)
        # Read plugins only if needed: presets are registered on every import of ganblocks.
        entry = self._entries[base] if base in self._entries else self._entry(base)
        full = {**(entry.preset or {}), **spec}
        self._add(name, _Entry(entry.component, entry.factory, full, summary, override))

    def build(self, what: ComponentLike, /, *args: Any, **kwargs: Any) -> T:
        """Builds a component from its name, its spec, or a callable that returns one.

        Args:
            what: A name, a spec or a callable; `kwargs` override a spec's entries.
            *args: Positional arguments of the component, such as a norm's channels.
            **kwargs: Keyword arguments of the component.

        Raises:
            RegistryError: The name is unknown or claimed by two packages, or its plugin could not
                be loaded.
            OptionError: An argument is unknown, missing or of the wrong type.
        """
        if isinstance(what, str):
            what = {"type": what}
        if isinstance(what, Mapping):
            entry = self._entry(self._type_of(what))
            arguments = {**(entry.preset or {}), **what}
            del arguments["type"]
            component: T = entry.factory(*args, **{**arguments, **kwargs})
            set_name(component, entry.factory, entry.component)
            return component
        if callable(what) and not hasattr(type(what), "forward"):  # a module is not a factory
            return self._called(what, args, kwargs)
        raise OptionError(
            f"cannot build {self.kind} from {what!r}: write a name, a spec or a callable that "
            f"returns one, such as its class. Names: {', '.join(self.names())}"
        )

    def _called(self, factory: Callable[..., T], args: Any, kwargs: Any) -> T:
        try:
            inspect.signature(factory).bind(*args, **kwargs)
        except TypeError as error:
            call = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
            raise OptionError(
                f"{factory!r} does not fit {self.kind} ({error}): it is called with ({call})"
            ) from None
        except ValueError:  # builtins have no signature
            pass
        component = factory(*args, **kwargs)
        if not hasattr(component, "__dict__"):  # a number, a list
            raise OptionError(f"{factory!r} returned {component!r} for the {self._one}")
        return component

    def names(self, pattern: str = "*") -> list[str]:
        """Returns the names, including presets and plugins, that match a shell pattern.

        No plugin is imported. A warning, shown once, names packages that claim the same name.

        Args:
            pattern: A pattern such as `"unet*"`; all names by default.

        Examples:
            >>> from ganblocks import GENERATORS
            >>> GENERATORS.names("resnet_*")
            ['resnet_6blocks', 'resnet_9blocks']
        """
        names = sorted(name for name in self._known() if fnmatchcase(name, pattern))
        for name in names:
            if name not in self._warned and (clash := self._clash(name)):
                self._warned.add(name)
                warnings.warn(clash, GanBlocksWarning, stacklevel=2)
        return names

    def describe(self, name: str) -> Description:
        """Returns the class, signature, summary and source of a name.

        Args:
            name: The name of a component, a preset or a plugin.

        Raises:
            RegistryError: The name is unknown or claimed by two packages, its plugin could not be
                loaded, or the `repr` of one of its defaults fails.

        Examples:
            >>> from ganblocks.blocks import NORMS
            >>> NORMS.describe("batch").target
            'ganblocks.blocks.norm.BatchNorm'
        """
        entry = self._entry(name)
        file, line = _source(entry.factory)
        signature = signature_of(entry.factory)
        try:
            written = str(signature)
        except Exception as error:  # from the __repr__ of a default
            raise RegistryError(
                f"the {self._one} {name!r} cannot be described: the repr of a default of "
                f"{entry.place} failed ({type(error).__name__}: {error}). Fix its __repr__"
            ) from error
        # Not inspect.getdoc, which falls back on the parent's docstring.
        doc = inspect.cleandoc(_definition(entry.factory).__doc__ or "")
        plugins = [] if entry.override else self._plugins.get(name, [])
        return Description(
            name=name,
            kind=self.kind,
            target=entry.target,
            signature=written,
            summary=entry.summary or doc.partition("\n")[0],
            file=file,
            line=line,
            plugin=plugins[0].distribution if plugins else None,
            preset=copy.deepcopy(entry.preset),
            parameters=tuple(signature.parameters.values()),
            documentation=doc,
        )

    def plugin(self, name: str) -> Plugin | None:
        """Returns the entry point that alone has a name, without importing it; else None.

        Args:
            name: The name of a component, a preset or a plugin.

        Examples:
            >>> Registry("shapes").plugin("square") is None
            True
        """
        if name in self._entries or name not in self._plugins or self._clash(name):
            return None
        return self._plugins[name][0]

    def refresh(self) -> None:
        """Rereads the plugins, for example after `pip install` in a running notebook.

        Examples:
            >>> Registry("shapes").refresh()
        """
        importlib.invalidate_caches()
        self.__dict__.pop("_plugins", None)
        self._loaded.clear()
        self._warned.clear()

    @functools.cached_property
    def _plugins(self) -> dict[str, list[Plugin]]:
        return plugins_of(self.kind)

    def _known(self) -> set[str]:
        return {*self._entries, *self._plugins}

    def _entry(self, name: str) -> _Entry:
        self._require_name(name)
        if name not in self:
            if names := [n for n, e in self._entries.items() if e.target.endswith(f".{name}")]:
                raise RegistryError(
                    f"{name!r} is a class registered in {self.kind} as "
                    f"{' or '.join(map(repr, names))}: write that name, or the class without quotes"
                )
            raise RegistryError(not_one_of(self._one, name, self._known()))
        if clash := self._clash(name):
            raise RegistryError(clash)
        if name in self._entries:
            return self._entries[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(self._plugins[name][0])
        return self._loaded[name]

    def _load(self, plugin: Plugin) -> _Entry:
        target = plugin.load()
        if plugin.name in self._entries:  # its module registered it
            return self._entries[plugin.name]
        name = registered_name(target)
        registered = self._entries.get(name or "")
        if registered and registered.factory is target:  # another name for the same component
            return registered
        if name == plugin.name:  # it was loaded before a refresh
            return _Entry(name, target)
        try:
            return _Entry(plugin.name, recording(target, self.kind, plugin.name))
        except Exception as error:  # such as a class in C without a signature
            raise plugin.broken(f"{type(error).__name__}: {error}") from error

    def _clash(self, name: str) -> str:
        """Returns the message for a name that several packages claim, or an empty string."""
        entry, plugins = self._entries.get(name), self._plugins.get(name, [])
        if not plugins or (entry and entry.override):
            return ""
        claims = [str(plugin) for plugin in plugins]
        if entry and not any(plugin.defines(entry.factory) for plugin in plugins):
            claims.insert(0, entry.place)
        if len(claims) < 2:
            return ""
        return (
            f"the {self._one} {name!r} is claimed by {' and by '.join(claims)}, so it cannot be "
            "built. Import the class you mean, uninstall one of the packages, or register one with "
            "override=True"
        )

    def _add(self, name: str, entry: _Entry) -> None:
        existing = self._entries.get(name)
        if existing and not entry.override and not _same_definition(existing, entry):
            for plugin in self._plugins.get(name, []):
                if plugin.defines(entry.factory) and not plugin.defines(existing.factory):
                    return  # reported when the name is listed or built; let its module load
            raise RegistryError(
                f"the {self._one} {name!r} already exists: {existing.place}; {entry.place} cannot "
                "have the same name. Choose another one, or write override=True to replace it"
            )
        self._entries[name] = entry

    def _type_of(self, spec: Mapping[str, Any]) -> str:
        if "type" not in spec:
            raise OptionError(f"a spec of {self.kind} needs the key 'type': got {dict(spec)!r}")
        name: str = spec["type"]
        self._require_name(name)
        return name

    def _require_name(self, name: object) -> None:
        if not isinstance(name, str) or not name:
            raise OptionError(
                f"{name!r} is not a valid name for {self.kind}: write a non-empty string"
            )


def _definition(factory: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the class or function behind a wrapper, a partial or a callable object."""
    factory = inspect.unwrap(factory)
    if isinstance(factory, functools.partial):
        return _definition(factory.func)
    return factory if hasattr(factory, "__qualname__") else type(factory)


def _source(factory: Callable[..., Any]) -> tuple[str, int]:
    """Returns the file and first line of a definition, or `("?", 0)` in a notebook cell."""
    definition = _definition(factory)
    try:
        return inspect.getsourcefile(definition) or "?", inspect.getsourcelines(definition)[1]
    except (OSError, TypeError):
        return "?", 0


def _same_definition(a: _Entry, b: _Entry) -> bool:
    """Returns whether both are one definition executed twice, as in a notebook cell."""
    return a.preset == b.preset and _identity(a.factory) == _identity(b.factory)


def _identity(factory: Callable[..., Any]) -> tuple[object, ...]:
    """Returns a key that stays equal when a definition is executed again: its name or content."""
    factory, definition = inspect.unwrap(factory), _definition(factory)
    content: object = None
    if isinstance(factory, functools.partial):
        content = repr((factory.args, factory.keywords))
    elif inspect.ismethod(factory) or factory is not definition:
        content = repr(factory)
    code = definition.__code__ if definition.__name__ == "<lambda>" else None
    return definition.__module__, definition.__qualname__, code, content
