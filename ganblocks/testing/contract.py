"""What a contract check is, how checks run, and how a failure reads."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

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
from ganblocks.testing.tensors import Tensors, difference, seeded

T = TypeVar("T")

Check = Callable[[Any], None]
"""Takes a subject and raises what it finds; its docstring says what must hold."""


class ContractError(GanBlocksError, AssertionError):
    """A component breaks the contract of its kind, or declares what is not so.

    Attributes:
        check: Name of the check that found it.
    """

    see = "breaks-its-contract"
    check: str = ""


class Subject(ABC, Generic[T]):
    """A component under test: how it is made, and what it does when it is used."""

    kind: ClassVar[str]
    """The registry's kind, such as `"generators"`."""
    checks: ClassVar[tuple[Check, ...]]

    def __init__(self, make: Callable[[], T]) -> None:
        self.make = make

    @abstractmethod
    def behavior(self, component: T) -> Tensors:
        """Uses a component and returns what comes out, the same whenever it is the same one."""

    def used(self) -> T:
        """Makes a component whose state, where it has any, is no longer the initial one."""
        return self.make()


def require(holds: bool, seen: str) -> None:
    """Raises `ContractError` with what was seen, unless it holds."""
    if not holds:
        raise ContractError(seen)


def require_same(got: Tensors, expected: Tensors, where: str = "", tolerance: float = 1e-6) -> None:
    """Requires two sets of tensors to agree, as `difference` compares them."""
    off = difference(got, expected, tolerance)
    require(not off, f"{where}{off}")


def require_finite(tensor: Tensor, what: str) -> None:
    """Requires a tensor without infinities and NaN."""
    require(bool(tensor.isfinite().all()), f"{what} is not finite")


def require_scalar(value: Tensor, where: str) -> None:
    """Requires a finite float32 scalar."""
    kind = f"{value.dtype} of shape {tuple(value.shape)}"
    require(value.shape == () and value.dtype == torch.float32, f"{where} is {kind}")
    require(bool(value.isfinite()), f"{where} is {value.item()}")


def require_raises(
    error: type[Exception], call: Callable[..., object], *arguments: object, seen: str
) -> None:
    """Requires a call to raise an error of that type."""
    try:
        call(*arguments)
    except error:
        return
    require(False, f"{seen} raises nothing")


@contextmanager
def unchanged(tensors: Tensors, modules: Mapping[str, nn.Module] | None = None) -> Iterator[None]:
    """Requires that what runs inside changes neither tensors nor gradients nor modules' states."""
    before = {
        name: (x._version, x.requires_grad, x.detach().clone()) for name, x in tensors.items()
    }
    states = {name: state_of(module) for name, module in (modules or {}).items()}
    yield
    for name, (version, learned, copy) in before.items():
        x = tensors[name]
        require(x._version == version and torch.equal(x, copy), f"it writes to {name}")
        require(x.grad is None, f"it ran backward: {name} has a gradient")
        require(x.requires_grad == learned, f"a gradient is now required of {name}")
    for name, module in (modules or {}).items():
        taught = any(p.grad is not None for p in module.parameters())
        require(not taught, f"it ran backward: a parameter of {name} has a gradient")
        require_same(state_of(module), states[name], f"of {name} ", 0)


def state_of(module: nn.Module) -> Tensors:
    """Copies parameters and buffers, those too that the state dict leaves out."""
    return {
        name: tensor.detach().clone()
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }


def name_of(check: Check) -> str:
    """Returns a check's name: its function's, without the underscore that spares a builtin."""
    return check.__name__.rstrip("_")


def line_of(check: Check) -> str:
    """Returns what must hold for a check to pass, in one line."""
    return " ".join((inspect.getdoc(check) or "").split())


def known_spec(component: object) -> Spec:
    """Returns a component's spec; an empty one where it has none."""
    try:
        return spec_of(component)
    except SpecError:
        return {}


def build(factory: Callable[[], T]) -> T:
    """Builds one component under a seed; complains of what is no factory, and of one that fails."""
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


def run_checks(subject: Subject[Any], only: Iterable[str] | None = None) -> None:
    """Runs the checks of a subject; one that the component declares it cannot pass must fail."""
    by_name = {name_of(check): check for check in subject.checks}
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
                f"Required: {line_of(by_name[name])}",
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
