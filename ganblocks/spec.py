"""Specs: the arguments a component was built with, as plain JSON."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from ganblocks.arguments import convert, names_and_defaults
from ganblocks.errors import OptionError, SpecError, not_one_of, singular

F = TypeVar("F", bound=Callable[..., Any])

Spec = dict[str, Any]
"""A component as plain JSON: its registry name under `type`, and its arguments."""

ComponentLike = str | Mapping[str, Any] | Callable[..., Any]
"""Anything that describes a component: a registry name, a spec, or a callable."""

_RECORD = "_ganblocks_record"
_NAME = "_ganblocks_name"
_MODULE_INIT = nn.Module.__init__  # torch.compile replaces it


@dataclass(frozen=True)
class _Record:
    """The arguments that a component was built with."""

    owner: type  # an unregistered subclass is not the owner of its parent's record
    name: str
    arguments: dict[str, Any]
    positional: str = ""  # an argument that can only be passed by position
    parameters: frozenset[str] = frozenset()  # the names of a module's parameters


def spec_of(component: object) -> Spec:
    """Returns the spec of a component, including defaults.

    Args:
        component: An object whose class or factory is registered.

    Returns:
        A plain JSON dictionary; `REGISTRY.build(spec)` builds an equivalent component with the same
        state-dict layout and fresh weights.

    Raises:
        SpecError: The component is not registered, cannot store its arguments, has an argument
            without a spec, or its parameters changed after it was built.

    Examples:
        >>> import ganblocks
        >>> spec_of(ganblocks.PatchDiscriminator(in_channels=4))["in_channels"]
        4
    """
    component = getattr(component, "_orig_mod", component)  # torch.compile wraps it
    record = getattr(component, _RECORD, None)
    if not isinstance(record, _Record) or record.owner is not type(component):
        raise SpecError(
            f"{type(component).__qualname__} has no spec: its class is not registered, was "
            "registered after this object was built, or cannot store its arguments (__slots__, a "
            "plain value). Register the class with @REGISTRY.register(name), without __slots__"
        )
    if record.positional:
        raise SpecError(
            f"{record.name!r} has no spec: its argument {record.positional} is positional-only. "
            "Define the component with keyword parameters"
        )
    arguments = {k: _plain(v, f"{k} of {record.name!r}") for k, v in record.arguments.items()}
    if changed := record.parameters ^ _parameters(component):
        raise SpecError(
            f"{record.name!r} was changed after it was built: {_first_change(component, changed)}. "
            "Its arguments would build another network. Set spectral_norm or another argument "
            "when you build it, or register a class that makes the change in __init__"
        )
    return {"type": record.name, **arguments}


def record_of(component: object) -> object | None:
    """Returns the record of a component's arguments, or None."""
    return vars(component).get(_RECORD) if hasattr(component, "__dict__") else None


def recording(factory: F, kind: str, name: str) -> F:
    """Makes a class or function record its arguments on each component that it builds."""
    what = f"{singular(kind)} {name!r}"
    if not callable(factory) or hasattr(type(factory), "forward"):  # a module is not a factory
        raise OptionError(f"{what}: {factory!r} is neither a class nor a function")
    signature = signature_of(factory)
    if "type" in signature.parameters:
        raise OptionError(
            f"{what}: the key 'type' of a spec holds the component's name; rename the parameter "
            "'type'"
        )
    if inspect.isclass(factory):
        original = factory.__init__

        @functools.wraps(original)
        def __init__(self: object, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            if type(self) is not factory:  # a subclass records its own arguments
                original(self, *args, **kwargs)
                return
            bound = _bound(signature, what, args, kwargs)
            convert(bound, original)
            arguments, positional = _recorded(bound)
            original(self, *bound.args, **bound.kwargs)
            _store(self, _Record(factory, name, arguments, positional, _parameters(self)))

        setattr(factory, "__init__", __init__)  # noqa: B010  (mypy forbids the plain form)
        setattr(factory, _NAME, name)
        return factory

    @functools.wraps(factory)
    def build(*args: Any, **kwargs: Any) -> Any:
        bound = _bound(signature, what, args, kwargs)
        convert(bound, factory)
        arguments, positional = _recorded(bound)
        component = factory(*bound.args, **bound.kwargs)
        record = _Record(type(component), name, arguments, positional, _parameters(component))
        _store(component, record)
        return component

    setattr(build, _NAME, name)
    return build  # type: ignore[return-value]


def registered_name(factory: object) -> str | None:
    """Returns the name of a registered class or factory, or None; a parent's is ignored."""
    name: str | None = getattr(factory, "__dict__", {}).get(_NAME)
    return name


def set_name(component: object, factory: Callable[..., Any], name: str) -> None:
    """Records the name that a component was built under, if its factory has several."""
    record = getattr(component, _RECORD, None)
    if not isinstance(record, _Record) or record.owner is not type(component):
        return
    if not inspect.isclass(factory) or factory is record.owner:
        _store(component, replace(record, name=name))


def keep_spec(component: object, before: type) -> None:
    """Keeps the spec of an object whose class was replaced in place, as by FSDP."""
    record = getattr(component, _RECORD, None)
    if isinstance(record, _Record) and record.owner is before:
        _store(component, replace(record, owner=type(component)))


def signature_of(factory: Callable[..., Any]) -> inspect.Signature:
    """Returns the signature of a class or function; empty if a class defines no `__init__`."""
    if inspect.isclass(factory):
        init = inspect.unwrap(factory.__init__)  # recording() wraps it
        if init in (object.__init__, _MODULE_INIT, nn.Module.__init__):
            return inspect.Signature()
    return inspect.signature(factory)


def _store(component: object, record: _Record) -> None:
    """Stores the record, even on a frozen object; ints and `__slots__` objects cannot hold it."""
    for key, value in record.arguments.items():
        if type(value).__module__ == "dataclasses":  # the sentinel of a default_factory
            record.arguments[key] = _copied(getattr(component, key, value))
    with contextlib.suppress(AttributeError, TypeError):
        object.__setattr__(component, _RECORD, record)


def _parameters(component: object) -> frozenset[str]:
    """Returns the names of a module's parameters, which show whether its spec still holds."""
    # Without `training`, its __init__ did not call that of nn.Module.
    if not isinstance(component, nn.Module) or "training" not in vars(component):
        return frozenset()
    return frozenset(name for name, _ in component.named_parameters())


def _first_change(component: object, changed: frozenset[str]) -> str:
    now = _parameters(component)
    name = min(changed, key=lambda name: (name not in now, name))
    return f"the parameter {name} was {'added' if name in now else 'removed'}"


def _copied(value: Any) -> Any:
    """Copies dicts and lists, which the caller may change later."""
    if hasattr(value, _RECORD):  # a component that is a list as well
        return value
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if _is_list(value):
        return [_copied(item) for item in value]
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _bound(
    signature: inspect.Signature, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> inspect.BoundArguments:
    """Binds arguments to a signature; an error names the nearest option."""
    parameters = signature.parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in kwargs:
        if key not in parameters and (key == "type" or not takes_any):
            raise OptionError(f"{what}: {not_one_of('option', key, parameters)}")
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        shown = names_and_defaults(signature)
        raise OptionError(f"{what}: {error}. The signature is {shown}") from None


def _recorded(bound: inspect.BoundArguments) -> tuple[dict[str, Any], str]:
    """Returns all arguments by name, and a description of one that is positional-only."""
    whole = bound.signature.bind(*bound.args, **bound.kwargs)
    whole.apply_defaults()
    arguments: dict[str, Any] = {}
    positional = ""
    for key, value in whole.arguments.items():
        kind = bound.signature.parameters[key].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(_copied(value))
        elif kind is inspect.Parameter.POSITIONAL_ONLY:
            positional = f"{key}={value!r}"
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            arguments[key] = _copied(value)
        elif value:
            positional = f"*{key}={value!r}"
    return arguments, positional


def _plain(value: Any, where: str) -> Any:
    """Converts an argument to plain JSON, and nested components to nested specs."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, _RECORD):
        return spec_of(value)
    if isinstance(getattr(type(value), "spec", None), property):  # it describes itself
        return value.spec
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise SpecError(
                    f"{where} has the key {key!r}, but keys in JSON are text. Pass {str(key)!r} "
                    "instead, or a list of pairs"
                )
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if _is_list(value):
        return [_plain(item, where) for item in value]
    if callable(value) and (name := registered_name(value)) is not None:
        return {"type": name}
    remedy = (
        "Register it with @REGISTRY.register(name) and pass its name instead"
        if callable(value)
        else "Pass a plain value (string, number, list) instead"
    )
    raise SpecError(f"{where} is {value!r}, which has no spec. {remedy}")
