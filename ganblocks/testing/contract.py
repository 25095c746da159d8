"""What a contract check is, how checks run, and how a failure reads."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from torch import nn

from ganblocks.errors import (
    GanBlocksError,
    OptionError,
    SpecError,
    listed,
    not_one_of,
    require_one_of,
)
from ganblocks.registry import Spec, spec_of
from ganblocks.spec import registered_name
from ganblocks.testing.tensors import Tensors, seeded

T = TypeVar("T")

Check = Callable[[Any], None]
"""Takes a subject and raises what it finds; its docstring is the demand."""


class ContractError(GanBlocksError, AssertionError):
    """A component breaks the contract of its kind, or declares what is not so.

    Attributes:
        check: Name of the check that found it.
    """

    see = "breaks-its-contract"
    check: str = ""


class Subject(ABC, Generic[T]):
    """A component under test: how it is made, and what it does when it is used.

    Attributes:
        kind: The registry's kind, such as `"generators"`.
        make: Builds a fresh component.
    """

    kind: str
    make: Callable[[], T]

    @abstractmethod
    def behaviour(self, component: T) -> Tensors:
        """Uses a component and gives what comes out, the same whenever it is the same one."""

    def used(self) -> T:
        """Makes a component whose state, where it has any, is no longer the initial one."""
        return self.make()


def demand(holds: bool, seen: str) -> None:
    """Raises `ContractError` with what was seen, unless the demand holds."""
    if not holds:
        raise ContractError(seen)


def name_of(check: Check) -> str:
    """Gives a check's name: its function's, without the underscore that spares a builtin."""
    return check.__name__.rstrip("_")


def line_of(check: Check) -> str:
    """Gives what a check demands, in one line."""
    return " ".join((inspect.getdoc(check) or "").split())


def known_spec(component: object) -> Spec:
    """Gives a component's spec; an empty one where it has none."""
    try:
        return spec_of(component)
    except SpecError:
        return {}


def build(factory: Callable[[], T]) -> T:
    """Builds one component under a seed.

    Raises:
        ContractError: The factory fails.
        OptionError: It is no factory: a component itself, or nothing that can be called.
    """
    component = isinstance(factory, nn.Module) or registered_name(type(factory)) is not None
    if component or not callable(factory):
        raise OptionError(
            f"the factory is {factory!r}: pass a factory, such as `lambda: MyGenerator()`"
        )
    try:
        with seeded():
            return factory()
    except Exception as error:  # whatever a foreign factory raises
        raise ContractError(f"the factory failed: {type(error).__name__}: {error}") from error


def run_checks(
    subject: Subject[Any], checks: Iterable[Check], only: Iterable[str] | None = None
) -> None:
    """Runs the checks of a subject; one that the component declares it cannot pass must fail.

    Args:
        subject: The component under test.
        checks: Every check of its kind.
        only: Names of the checks to run, or one name; None runs all.

    Raises:
        ContractError: A check fails; a declared one does not; a declaration is malformed; the
            factory fails.
        OptionError: `only` is empty or names a check that the kind does not have; the factory
            is none, or gives the same object twice.
    """
    by_name = {name_of(check): check for check in checks}
    chosen = tuple(by_name if only is None else [only] if isinstance(only, str) else only)
    if not chosen:
        raise OptionError(
            f"only is {only!r}, which checks nothing: write None to run all, or some of "
            f"{listed(by_name)}"
        )
    for name in chosen:
        require_one_of(f"check of {subject.kind}", name, by_name)
    component = build(subject.make)
    if build(subject.make) is component:
        raise OptionError(
            "the factory gives the same object at every call: pass one that builds a fresh "
            "component, such as `lambda: MyGenerator()`"
        )
    who = type(component).__qualname__
    declared = _declared(component, who, by_name)
    for name in chosen:
        found = _found(by_name[name], subject)
        if found is None and name in declared:
            raise _error(
                name,
                f"{who} declares that it cannot pass {name!r} ({declared[name]}), but it can: "
                "delete that entry of its `cannot`",
            )
        if found is not None and name not in declared:
            seen = str(found)
            if not isinstance(found, ContractError):
                seen = f"{type(found).__name__}: {seen}"
            raise _error(
                name,
                f"{who} fails the check {name!r} of {subject.kind}: {seen}\n"
                f"Demanded: {line_of(by_name[name])}",
            ) from found


def _found(check: Check, subject: Subject[Any]) -> Exception | None:
    try:
        with seeded():
            check(subject)
    except Exception as error:  # whatever a foreign component raises is a finding
        return error
    return None


def _declared(component: object, who: str, checks: Iterable[str]) -> dict[str, str]:
    declared: object = getattr(component, "cannot", {})
    if not isinstance(declared, Mapping):
        raise _error("", f'{who}.cannot is {declared!r}: write {{"check": "reason"}}')
    for name, reason in declared.items():
        if name not in checks:
            raise _error(str(name), f"{who}.cannot: {not_one_of('check', name, checks)}")
        if not isinstance(reason, str) or not reason.strip():
            raise _error(
                name, f"{who}.cannot[{name!r}] is {reason!r}: write the reason as a sentence"
            )
    return dict(declared)


def _error(check: str, message: str) -> ContractError:
    error = ContractError(message)
    error.check = check
    return error
