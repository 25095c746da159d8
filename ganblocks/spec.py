"""Specs: components remember what they were built with, and tell it as plain JSON."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from ganblocks.errors import OptionError, SpecError, not_one_of

F = TypeVar("F", bound=Callable[..., Any])

Spec = dict[str, Any]
"""A component as plain JSON: its registry name under `type`, its arguments beside it."""

ComponentLike = str | Mapping[str, Any] | Callable[..., Any]
"""What a component argument takes: a registry name, a spec, or a callable."""

_RECORD = "_ganblocks_record"
_NAME = "_ganblocks_name"
_MODULE_INIT = nn.Module.__init__  # torch.compile puts another one in its place


@dataclass(frozen=True)
class _Record:
    """What a component was built with; `owner` tells it from an unregistered subclass."""

    owner: type
    name: str
    arguments: dict[str, Any]
    nameless: str = ""  # a parameter that was given by position and has no name to write


def spec_of(component: object) -> Spec:
    """Returns the spec that builds a component like this one, defaults written out.

    Args:
        component: An object whose class or factory is registered.

    Returns:
        A plain JSON dictionary; `REGISTRY.build(spec)` makes an equal component with the
        same state-dict layout and fresh weights.

    Raises:
        SpecError: The component is not registered, cannot remember its arguments, or was
            handed something that has no spec.

    Examples:
        >>> import ganblocks
        >>> spec_of(ganblocks.PatchDiscriminator(in_channels=4))["in_channels"]
        4
    """
    record = getattr(component, _RECORD, None)
    if not isinstance(record, _Record) or record.owner is not type(component):
        raise SpecError(
            f"{type(component).__qualname__} has no spec: its class is not registered, was not "
            "when this one was built, or cannot remember its arguments (a plain value, "
            "__slots__). Register the class with @REGISTRY.register(name), without __slots__"
        )
    if record.nameless:
        raise SpecError(
            f"{record.name!r} was given {record.nameless}, which has no name to stand under in a "
            "spec. Write the component with parameters that are given by name"
        )
    return {
        "type": record.name,
        **{
            key: _plain(value, f"{key} of {record.name!r}")
            for key, value in record.arguments.items()
        },
    }


def record_of(component: object) -> object | None:
    """Returns what a component remembers of its building, or None."""
    return vars(component).get(_RECORD) if hasattr(component, "__dict__") else None


def recording(factory: F, kind: str, name: str) -> F:
    """Makes a class or function record, on what it builds, the arguments it was given."""
    what = f"{kind} {name!r}"
    if not callable(factory):
        raise OptionError(f"{what}: {factory!r} is neither a class nor a function; register one")
    signature = signature_of(factory)
    if "type" in signature.parameters:
        raise OptionError(
            f"{what}: in a spec the key 'type' holds the component's name; give the parameter "
            "'type' another name"
        )
    if inspect.isclass(factory):
        original = factory.__init__

        @functools.wraps(original)
        def __init__(self: object, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            if type(self) is not factory:  # a subclass answers for its own arguments
                original(self, *args, **kwargs)
                return
            arguments, nameless = _bound(signature, what, args, kwargs)
            original(self, *args, **kwargs)
            _remember(self, _Record(factory, name, arguments, nameless))

        setattr(factory, "__init__", __init__)  # noqa: B010  (mypy forbids the plain form)
        setattr(factory, _NAME, name)
        return factory

    @functools.wraps(factory)
    def build(*args: Any, **kwargs: Any) -> Any:
        arguments, nameless = _bound(signature, what, args, kwargs)
        made = factory(*args, **kwargs)
        _remember(made, _Record(type(made), name, arguments, nameless))
        return made

    setattr(build, _NAME, name)
    return build  # type: ignore[return-value]


def registered_name(factory: object) -> str | None:
    """Returns the name a class or factory was registered by; its own, not its parent's."""
    name: str | None = getattr(factory, "__dict__", {}).get(_NAME)
    return name


def give_name(made: object, factory: Callable[..., Any], name: str) -> None:
    """Records the name that a registry built by, where its factory goes by others as well."""
    record = getattr(made, _RECORD, None)
    if not isinstance(record, _Record) or record.owner is not type(made) or record.name == name:
        return
    if not inspect.isclass(factory) or factory is record.owner:
        _remember(made, replace(record, name=name))


def keep_spec(made: object, before: type) -> None:
    """Lets an object whose class was replaced in place, as FSDP does, answer for its arguments."""
    record = getattr(made, _RECORD, None)
    if isinstance(record, _Record) and record.owner is before:
        _remember(made, replace(record, owner=type(made)))


def signature_of(factory: Callable[..., Any]) -> inspect.Signature:
    """Returns what a class or function takes; nothing where nothing stands behind (*args)."""
    if inspect.isclass(factory):
        init = inspect.unwrap(factory.__init__)  # a registered class has ours around its own
        if init in (object.__init__, _MODULE_INIT, nn.Module.__init__):
            return inspect.Signature()
    return inspect.signature(factory)


def _remember(made: object, record: _Record) -> None:
    """Keeps the record, also on a frozen object; an int or __slots__ have no place for it."""
    for key, value in record.arguments.items():
        if type(value).__module__ == "dataclasses":  # the mark of a default_factory
            record.arguments[key] = _copied(getattr(made, key, value))
    with contextlib.suppress(AttributeError, TypeError):
        object.__setattr__(made, _RECORD, record)


def _copied(value: Any) -> Any:
    """Copies what may be changed in place before the spec is asked for; the rest stays itself."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    return value


def _bound(
    signature: inspect.Signature, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Matches arguments to a signature; a mismatch names the nearest parameter.

    Gives the arguments by name, and what was given that has none.
    """
    parameters = signature.parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in kwargs:
        if key not in parameters and (key == "type" or not takes_any):
            raise OptionError(f"{what}: {not_one_of('option', key, parameters)}")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise OptionError(f"{what}: {error}. Its signature is {signature}") from None
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    nameless = ""
    for key, value in bound.arguments.items():
        kind = parameters[key].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(_copied(value))
        elif kind is inspect.Parameter.POSITIONAL_ONLY:
            nameless = f"{key}={value!r} by position"
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            arguments[key] = _copied(value)
        elif value:
            nameless = f"*{key}={value!r}"
    return arguments, nameless


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
    if isinstance(getattr(type(value), "spec", None), property):  # it knows its own
        return value.spec  # type: ignore[attr-defined]
    if callable(value) and (name := registered_name(value)) is not None:
        return {"type": name}
    remedy = (
        "Register it with @REGISTRY.register(name) and pass its name instead"
        if callable(value)
        else "Pass a plain value (text, number, list) instead"
    )
    raise SpecError(f"{where} was given {value!r}, which has no spec. {remedy}")
