"""Registries: names for components, plug-ins of other packages included."""

from __future__ import annotations

import functools
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import packages_distributions
from typing import Any, Generic, TypeVar

from ganblocks.description import Description
from ganblocks.errors import GanBlocksWarning, OptionError, RegistryError, not_one_of
from ganblocks.plugins import Plugin, plugins_of
from ganblocks.spec import (
    ComponentLike,
    F,
    Spec,
    give_name,
    recording,
    registered_name,
    signature_of,
    spec_of,
)

__all__ = ["ComponentLike", "Description", "Registry", "Spec", "spec_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    component: str  # the name in specs; a preset's is that of the component it is made of
    factory: Callable[..., Any]
    preset: Spec | None = None
    summary: str | None = None
    override: bool = False  # taken by force: no plug-in contests it

    @property
    def target(self) -> str:
        definition = _definition(self.factory)
        return f"{definition.__module__}.{definition.__qualname__}"

    @property
    def place(self) -> str:
        file, line = _source(self.factory)
        return f"{self.target} ({file}:{line})"


class Registry(Generic[T]):
    """Names for the components of one kind.

    Installed packages add names by entry point, in the group `"ganblocks."` + kind with
    underscores for spaces: `ganblocks.norms`, `ganblocks.adversarial_losses`. The entry is
    `name = "module:class or factory"`; it is imported when that name is first built or described.
    A name that two claim is listed with a warning and built by neither: register one of them
    with `override=True`.

    Args:
        kind: The plural noun for what it holds, such as `"generators"`.

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
        """Makes a decorator that gives a class or factory function its name.

        From then on the component remembers the arguments it was built with (see
        `spec_of`), and a wrong argument is answered with the nearest right one.

        Args:
            name: The name in lower case, as people will write it.
            override: Take the name even where something else holds it or a plug-in wants it.

        Raises:
            OptionError: The name is no string, or what it names cannot be called.
            RegistryError: The name is taken by another definition; both places are named.
        """
        self._require_name(name)

        def decorate(factory: F) -> F:
            made = recording(factory, self.kind, name)
            self._put(name, _Entry(name, made, override=override))
            return made

        return decorate

    def preset(self, name: str, spec: Spec, summary: str, *, override: bool = False) -> None:
        """Names a spec of this registry.

        Args:
            name: The preset's name.
            spec: The component's spec.
            summary: One line that says what the preset reproduces.
            override: Take the name even where something else holds it or a plug-in wants it.

        Raises:
            OptionError: The name is no string, or the spec has no type.
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
        # Plug-ins are looked for only where need be: import ganblocks makes presets.
        entry = self._entries[base] if base in self._entries else self._entry(base)
        full = {**(entry.preset or {}), **spec}
        self._put(name, _Entry(entry.component, entry.factory, full, summary, override))

    def build(self, what: ComponentLike, /, *args: Any, **kwargs: Any) -> T:
        """Builds a component from its name, its spec, or a callable that makes it.

        Args:
            what: A name, a spec (whose entries `kwargs` override), or a callable, which is
                called as it is.
            *args: Positional arguments of the component, such as a norm's channels.
            **kwargs: Keyword arguments of the component.

        Raises:
            RegistryError: The name is unknown (the nearest names and the full list are given),
                claimed twice, or a plug-in that cannot be loaded.
            OptionError: An argument is unknown, missing or of the wrong kind.
        """
        if isinstance(what, str):
            what = {"type": what}
        if isinstance(what, Mapping):
            entry = self._entry(self._type_of(what))
            arguments = {**(entry.preset or {}), **what}
            del arguments["type"]
            made: T = entry.factory(*args, **{**arguments, **kwargs})
            give_name(made, entry.factory, entry.component)
            return made
        if callable(what) and not hasattr(type(what), "forward"):  # a module is no factory
            return what(*args, **kwargs)  # type: ignore[no-any-return]
        raise OptionError(
            f"{self.kind} are built from a name, a spec or a callable that makes one, such as its "
            f"class; got {what!r}. Names: {', '.join(self.names())}"
        )

    def names(self, pattern: str = "*") -> list[str]:
        """Lists the names, presets and plug-ins included, that match a shell pattern.

        Nothing of a plug-in is imported. A name that two claim is warned of once.

        Args:
            pattern: What names look like, such as `"unet*"`; all by default.

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
        """Tells what a name stands for and where it is defined.

        Args:
            name: A registered name, a preset's or a plug-in's too.

        Returns:
            Its class or factory, signature, first line, file and distribution; printed, a card.

        Raises:
            RegistryError: The name is unknown, claimed twice, a plug-in that cannot be loaded, or
                has a default that cannot be written.

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
        except Exception as error:  # whatever the __repr__ of a foreign default does
            raise RegistryError(
                f"{name!r} of {self.kind} cannot be described: a default of {entry.place} cannot "
                f"be written ({type(error).__name__}: {error}). Repair its __repr__"
            ) from error
        # Not inspect.getdoc, which falls back on the parent's words.
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
            distribution=(
                plugins[0].distribution
                if plugins
                else _distribution(_definition(entry.factory).__module__.partition(".")[0])
            ),
            preset=entry.preset,
            parameters=tuple(signature.parameters.values()),
            documentation=doc,
        )

    def refresh(self) -> None:
        """Looks for plug-ins again, as after `pip install` in a running notebook.

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
            named = [n for n, e in self._entries.items() if e.target.endswith(f".{name}")]
            if named:
                raise RegistryError(
                    f"{name!r} is the class that {self.kind} build as "
                    f"{' or '.join(map(repr, named))}: write the name, or the class without quotes"
                )
            raise RegistryError(not_one_of(f"name in {self.kind}", name, self._known()))
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
        known = registered_name(target)
        if known in self._entries and self._entries[known].factory is target:
            return self._entries[known]  # another name for a component that has one
        try:
            return _Entry(plugin.name, recording(target, self.kind, plugin.name))
        except Exception as error:  # a class of C code, a signature that cannot be read
            raise plugin.broken(f"{type(error).__name__}: {error}") from error

    def _clash(self, name: str) -> str:
        """Words what two claim; empty where the name is one component's."""
        held = self._entries.get(name)
        plugins = self._plugins.get(name, [])
        if not plugins or (held is not None and held.override):
            return ""
        claims = [str(plugin) for plugin in plugins]
        if held is not None and not any(plugin.defines(held.factory) for plugin in plugins):
            claims.insert(0, held.place)
        if len(claims) < 2:
            return ""
        return (
            f"{name!r} of {self.kind} is claimed by {' and by '.join(claims)}, and built by none. "
            "Import the class you mean, or uninstall a package, or give one of them the name with "
            "register(..., override=True)"
        )

    def _put(self, name: str, entry: _Entry) -> None:
        held = self._entries.get(name)
        if held is not None and not entry.override and not _same_definition(held, entry):
            for plugin in self._plugins.get(name, []):
                if plugin.defines(entry.factory) and not plugin.defines(held.factory):
                    return  # told when the name is listed or built; its module may go on loading
            raise RegistryError(
                f"{self.kind} already has {name!r}: {held.place}; {entry.place} wants it too. "
                "Choose another name, or write override=True to replace it"
            )
        self._entries[name] = entry

    def _type_of(self, spec: Mapping[str, Any]) -> str:
        if "type" not in spec:
            raise OptionError(f"a spec of {self.kind} needs the key 'type'; got {dict(spec)!r}")
        name: str = spec["type"]
        self._require_name(name)
        return name

    def _require_name(self, name: object) -> None:
        if not isinstance(name, str) or not name:
            raise OptionError(
                f"{name!r} is no name for one of the {self.kind}: write a string that is not empty"
            )


def _definition(factory: Callable[..., Any]) -> Callable[..., Any]:
    """Finds the class or function behind a wrapper, a partial or a callable object."""
    factory = inspect.unwrap(factory)
    if isinstance(factory, functools.partial):
        return _definition(factory.func)
    return factory if hasattr(factory, "__qualname__") else type(factory)


def _source(factory: Callable[..., Any]) -> tuple[str, int]:
    """Finds the file and first line of a definition; a notebook cell has neither."""
    definition = _definition(factory)
    try:
        return inspect.getsourcefile(definition) or "?", inspect.getsourcelines(definition)[1]
    except (OSError, TypeError):
        return "?", 0


@functools.cache
def _distribution(package: str) -> str:
    """Names what a package was installed as; a checkout goes by its folder."""
    return next(iter(packages_distributions().get(package, ())), package)


def _same_definition(held: _Entry, new: _Entry) -> bool:
    """Tells a definition that was run again (a notebook cell) from a rival for its name."""
    return held.preset == new.preset and _identity(held.factory) == _identity(new.factory)


def _identity(factory: Callable[..., Any]) -> tuple[object, ...]:
    """Returns what two runs of one definition share; for want of a name, its content."""
    factory, definition = inspect.unwrap(factory), _definition(factory)
    content: object = None
    if isinstance(factory, functools.partial):
        content = repr((factory.args, factory.keywords))
    elif inspect.ismethod(factory) or factory is not definition:
        content = repr(factory)
    code = definition.__code__ if definition.__name__ == "<lambda>" else None
    return definition.__module__, definition.__qualname__, code, content
