"""Registries: names for components, and plain specs that build them again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Generic, TypeVar

from ganblocks.errors import OptionError, RegistryError, SpecError, not_one_of

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Spec = dict[str, Any]
"""A component as plain JSON: its registry name under `type`, its arguments beside it."""

Knob = str | Mapping[str, Any] | Callable[..., Any]
"""What a component argument takes: a registry name, a spec, or a callable."""

_RECORD = "_ganblocks_record"
_NAME = "_ganblocks_name"


@dataclass(frozen=True)
class Description:
    """What a registry knows about one name; prints as a short card."""

    name: str
    kind: str
    target: str
    signature: str
    summary: str
    file: str
    line: int
    distribution: str
    preset: Spec | None = None

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.kind}): {self.summary}", f"  {self.target}{self.signature}"]
        if self.preset is not None:
            lines.append(f"  preset of {self.preset}")
        return "\n".join([*lines, f"  {self.file}:{self.line}, from {self.distribution}"])


@dataclass(frozen=True)
class _Record:
    """What a component was built with; `owner` tells it from an unregistered subclass."""

    owner: type
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class _Entry:
    factory: Callable[..., Any]
    preset: Spec | None = None
    summary: str | None = None

    @property
    def place(self) -> str:
        file, line = _source(self.factory)
        return f"{self.factory.__module__}.{self.factory.__qualname__} ({file}:{line})"


class Registry(Generic[T]):
    """Names for the components of one kind.

    Args:
        kind: The plural noun for what it holds, such as `"generators"`.

    Example:
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

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}, {len(self._entries)} names)"

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def register(self, name: str, *, override: bool = False) -> Callable[[F], F]:
        """Makes a decorator that gives a class or factory function its name.

        From then on the component remembers the arguments it was built with (see
        `spec_of`), and a wrong argument is answered with the nearest right one.

        Args:
            name: The name in lower case, as people will write it.
            override: Take the name even where something else holds it.

        Raises:
            RegistryError: The name is taken by another definition; both places are named.
        """

        def decorate(factory: F) -> F:
            recording = _recording(factory, self, name)
            self._put(name, _Entry(recording), override=override)
            return recording

        return decorate

    def preset(self, name: str, spec: Spec, summary: str, *, override: bool = False) -> None:
        """Gives a spec of this registry a name of its own.

        Args:
            name: The preset's name.
            spec: The component's spec.
            summary: One line that says what the preset reproduces.
            override: Take the name even where something else holds it.
        """
        base = self._entry(spec["type"])
        self._put(
            name, _Entry(base.factory, {**(base.preset or {}), **spec}, summary), override=override
        )

    def build(self, what: Knob, *args: Any, **kwargs: Any) -> T:
        """Builds a component from its name, its spec, or a callable that makes it.

        Args:
            what: A name, a spec (whose entries `kwargs` override), or a callable, which is
                called as it is.
            *args: Positional arguments of the component, such as a norm's channels.
            **kwargs: Keyword arguments of the component.

        Raises:
            RegistryError: The name is unknown; the nearest names and the full list are given.
            OptionError: An argument is unknown, missing or of the wrong kind.
        """
        if isinstance(what, str):
            what = {"type": what}
        if isinstance(what, Mapping):
            spec = dict(what)
            if "type" not in spec:
                raise OptionError(f"a spec of {self.kind} needs the key 'type'; got {spec!r}")
            entry = self._entry(spec.pop("type"))
            preset = {key: value for key, value in (entry.preset or {}).items() if key != "type"}
            return entry.factory(*args, **{**preset, **spec, **kwargs})  # type: ignore[no-any-return]
        if callable(what):
            return what(*args, **kwargs)  # type: ignore[no-any-return]
        raise OptionError(
            f"{self.kind} are built from a name, a spec or a callable; got {what!r}. "
            f"Names: {', '.join(self.names())}"
        )

    def names(self, pattern: str = "*") -> list[str]:
        """Lists the registered names, presets included, that match a shell pattern."""
        return sorted(name for name in self._entries if fnmatchcase(name, pattern))

    def describe(self, name: str) -> Description:
        """Tells what a name stands for and where it is defined.

        Raises:
            RegistryError: The name is unknown.
        """
        entry = self._entry(name)
        file, line = _source(entry.factory)
        doc = inspect.getdoc(entry.factory) or ""
        return Description(
            name=name,
            kind=self.kind,
            target=f"{entry.factory.__module__}.{entry.factory.__qualname__}",
            signature=str(inspect.signature(entry.factory)),
            summary=entry.summary or doc.partition("\n")[0],
            file=file,
            line=line,
            distribution=_distribution(entry.factory.__module__),
            preset=entry.preset,
        )

    def _entry(self, name: object) -> _Entry:
        if not isinstance(name, str) or name not in self._entries:
            raise RegistryError(not_one_of(f"name in {self.kind}", name, self._entries))
        return self._entries[name]

    def _put(self, name: str, entry: _Entry, *, override: bool) -> None:
        held = self._entries.get(name)
        if held is not None and not override and not _same_definition(held, entry):
            raise RegistryError(
                f"{self.kind} already has {name!r}: {held.place}; {entry.place} wants it too. "
                "Choose another name, or write override=True to replace it"
            )
        self._entries[name] = entry


def spec_of(component: object) -> Spec:
    """Gives the spec that builds a component like this one, defaults written out.

    Args:
        component: An object whose class or factory is registered.

    Returns:
        A plain JSON dictionary; `REGISTRY.build(spec)` makes an equal component with the
        same state-dict layout and fresh weights.

    Raises:
        SpecError: The component is not registered, or was handed something that has no spec.

    Example:
        >>> import ganblocks
        >>> spec_of(ganblocks.PatchDiscriminator(in_channels=4))["in_channels"]
        4
    """
    record = getattr(component, _RECORD, None)
    if not isinstance(record, _Record) or record.owner is not type(component):
        raise SpecError(
            f"{type(component).__qualname__} has no spec: its class is not registered. "
            "Register it with @REGISTRY.register(name)"
        )
    return {
        "type": record.name,
        **{
            key: _plain(value, f"{key} of {record.name!r}")
            for key, value in record.arguments.items()
        },
    }


def _recording(factory: F, registry: Registry[Any], name: str) -> F:
    """Makes a class or function record, on what it builds, the arguments it was given."""
    signature = inspect.Signature() if _takes_nothing(factory) else inspect.signature(factory)
    what = f"{registry.kind} {name!r}"
    if inspect.isclass(factory):
        original = factory.__init__

        @functools.wraps(original)
        def __init__(self: object, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            if type(self) is not factory:  # a subclass answers for its own arguments
                original(self, *args, **kwargs)
                return
            arguments = _bound(signature, what, args, kwargs)
            original(self, *args, **kwargs)
            object.__setattr__(self, _RECORD, _Record(factory, name, arguments))

        setattr(factory, "__init__", __init__)  # noqa: B010  (mypy forbids the plain form)
        setattr(factory, _NAME, name)
        return factory

    @functools.wraps(factory)
    def build(*args: Any, **kwargs: Any) -> Any:
        arguments = _bound(signature, what, args, kwargs)
        made = factory(*args, **kwargs)
        object.__setattr__(made, _RECORD, _Record(type(made), name, arguments))
        return made

    setattr(build, _NAME, name)
    return build  # type: ignore[return-value]


def _takes_nothing(factory: Callable[..., Any]) -> bool:
    """Finds classes without an __init__ of their own, behind whose (*args) nothing stands."""
    if not inspect.isclass(factory):
        return False
    init = factory.__init__
    return init is object.__init__ or (init.__module__, init.__qualname__) == (
        "torch.nn.modules.module",
        "Module.__init__",
    )


def _bound(
    signature: inspect.Signature, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Matches arguments to a signature; a mismatch names the nearest parameter."""
    parameters = signature.parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for key in kwargs:
            if key not in parameters:
                raise OptionError(f"{what}: {not_one_of('option', key, parameters)}")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise OptionError(f"{what}: {error}. Its signature is {signature}") from None
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for key, value in bound.arguments.items():
        if parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        else:
            arguments[key] = value
    return arguments


def _plain(value: object, where: str) -> Any:
    """Turns an argument into plain JSON, nested components into nested specs."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(item, where) for item in value]
    if hasattr(value, _RECORD):
        return spec_of(value)
    if callable(value) and _NAME in getattr(value, "__dict__", {}):  # its own, not its parent's
        return {"type": getattr(value, _NAME)}
    raise SpecError(
        f"{where} was given {value!r}, which has no spec. Register it with "
        "@REGISTRY.register(name) and pass its name instead"
    )


def _source(factory: Callable[..., Any]) -> tuple[str, int]:
    """Finds the file and first line of a definition; a notebook cell has neither."""
    try:
        return inspect.getsourcefile(factory) or "?", inspect.getsourcelines(factory)[1]
    except (OSError, TypeError):
        return "?", 0


def _distribution(module: str) -> str:
    """Names the installed package that a module belongs to; a checkout goes by its folder."""
    package = module.partition(".")[0]
    return next(iter(packages_distributions().get(package, ())), package)


def _same_definition(held: _Entry, new: _Entry) -> bool:
    """Tells a definition that was run again (a notebook cell) from a rival for its name."""
    return held.preset == new.preset and (
        (held.factory.__module__, held.factory.__qualname__)
        == (new.factory.__module__, new.factory.__qualname__)
    )
