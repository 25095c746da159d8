"""Defines and runs contract checks, and reports failures."""

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
    ShapeError,
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
"""Takes a tester and raises if the component fails; the docstring states what is required."""

Size = tuple[int, int]

EAGER = "aot_eager"
"""A fast backend of torch.compile, which traces forward and backward but does not compile."""


class ContractError(GanBlocksError, AssertionError):
    """A component violates the contract of its kind, or its `cannot` is wrong.

    Args:
        message: The message.
        check: Name of the check that failed.

    Attributes:
        check: Name of the check that failed.
    """

    see = "breaks-its-contract"

    def __init__(self, message: str, *, check: str = "") -> None:
        super().__init__(message)
        self.check = check


class Tester(ABC, Generic[T]):
    """Builds components of one kind, runs them on example inputs, and checks the results."""

    kind: ClassVar[str]
    """The registry's kind, such as `"generators"`."""
    checks: ClassVar[tuple[Check, ...]]
    options: ClassVar[tuple[str, ...]] = ()
    """Keyword arguments of `check_component` for this kind."""
    default_size: ClassVar[Size] = (16, 16)

    def __init__(
        self, make: Callable[[], T], *, size: Size | None = None, backend: str = EAGER
    ) -> None:
        self.make = make
        self.size = size or self.default_size
        self.backend = backend

    @abstractmethod
    def behavior(self, component: T) -> Tensors:
        """Returns the outputs of an example; equal components have equal outputs."""

    def used(self) -> T:
        """Builds a component and runs it once, which changes its state if it has any."""
        component = self.make()
        self.behavior(component)
        return component


def require(condition: bool | Tensor, message: str) -> None:
    """Raises `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)


def require_same(
    result: Tensors, expected: Tensors, where: str = "", tolerance: float = 1e-6
) -> None:
    """Requires two sets of tensors to agree, as `difference` compares them."""
    differs = difference(result, expected, tolerance)
    require(not differs, f"{where}{differs}")


def require_finite(tensor: Tensor, what: str) -> None:
    """Requires a tensor without infinity and NaN."""
    require(tensor.isfinite().all(), f"{what} is not finite")


def gradient_of(leaf: Tensor, what: str = "a gradient") -> Tensor:
    """Returns a leaf's gradient, which must be finite; 0 if nothing depends on it."""
    gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    require_finite(gradient, what)
    return gradient


def require_scalar(value: Tensor, what: str) -> None:
    """Requires a finite float32 scalar."""
    kind = f"{value.dtype} of shape {tuple(value.shape)}"
    require(value.shape == () and value.dtype == torch.float32, f"{what} is {kind}")
    require(value.isfinite(), f"{what} is {value.item()}")


def require_raises(
    error: type[Exception], call: Callable[..., object], *arguments: object, case: str
) -> None:
    """Requires a call to raise an error of that type."""
    try:
        call(*arguments)
    except error:
        return
    raise ContractError(f"{case} raises nothing")


def require_same_shapes(
    call: Callable[[Tensor, Tensor], object], image: Tensor, *others: Tensor
) -> None:
    """Requires a `ShapeError` for an image together with one of another shape."""
    for other in others:
        case = f"a pair of {tuple(image.shape)} and {tuple(other.shape)}"
        require_raises(ShapeError, call, image, other, case=case)


@contextmanager
def unchanged(tensors: Tensors, **modules: nn.Module) -> Iterator[None]:
    """Requires a block to leave tensors, their gradients and the modules' states unchanged."""
    before = {
        name: (x._version, x.requires_grad, x.detach().clone()) for name, x in tensors.items()
    }
    states = {name: state_of(module) for name, module in modules.items()}
    yield
    for name, (version, requires_grad, copy) in before.items():
        x = tensors[name]
        require(x._version == version and torch.equal(x, copy), f"it writes to {name}")
        require(x.grad is None, f"it ran backward: {name} has a gradient")
        require(x.requires_grad == requires_grad, f"it changed requires_grad of {name}")
    for name, module in modules.items():
        has_gradient = any(p.grad is not None for p in module.parameters())
        require(not has_gradient, f"it ran backward: a parameter of the {name} has a gradient")
        require_same(state_of(module), states[name], f"in the {name}, ", 0)


def state_of(module: nn.Module) -> Tensors:
    """Copies parameters and buffers, including those that the state dict omits."""
    return {
        name: tensor.detach().clone()
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }


def name_of(check: Check) -> str:
    """Returns a check's name: its function's, without a trailing underscore."""
    return check.__name__.rstrip("_")


def requirement_of(check: Check) -> str:
    """Returns what a check requires, in one line."""
    return " ".join((inspect.getdoc(check) or "").split())


def known_spec(component: object) -> Spec:
    """Returns a component's spec, or an empty one if it has none."""
    try:
        return spec_of(component)
    except SpecError:
        return {}


def build(factory: Callable[[], T]) -> T:
    """Builds one component under a seed; the errors explain what is wrong with the factory."""
    component = isinstance(factory, nn.Module) or registered_name(type(factory)) is not None
    if component or not callable(factory):
        raise OptionError(
            f"the factory is {factory!r}: pass a factory, such as `lambda: MyGenerator()`"
        )
    try:
        with seeded():
            return factory()
    except Exception as error:
        raise ContractError(f"the factory failed: {type(error).__name__}: {error}") from error


def run_checks(tester: Tester[Any], only: Iterable[str] | None = None) -> None:
    """Runs the checks of a tester; those in the component's `cannot` must fail."""
    checks = {name_of(check): check for check in tester.checks}
    names = tuple(checks if only is None else [only] if isinstance(only, str) else only)
    if not names:
        raise OptionError(
            f"only is {only!r}, which checks nothing: write None to run all, or some of "
            f"{listed(checks)}"
        )
    for name in names:
        require_one_of(f"check of {tester.kind}", name, checks)
    component = build(tester.make)
    if build(tester.make) is component:
        raise OptionError(
            "the factory returns the same object at every call: pass one that builds a fresh "
            "component, such as `lambda: MyGenerator()`"
        )
    who = type(component).__qualname__
    cannot = _declared(component, who, checks)
    for name in names:
        error = _failure(checks[name], tester)
        if error is None and name in cannot:
            raise ContractError(
                f"{who} declares that it cannot pass {name!r} ({cannot[name]}), but it can: "
                "delete that entry of its `cannot`",
                check=name,
            )
        if error is not None and name not in cannot:
            kind = "" if isinstance(error, ContractError) else f"{type(error).__name__}: "
            raise ContractError(
                f"{who} fails the check {name!r} for {tester.kind}: {kind}{error}\n"
                f"Required: {requirement_of(checks[name])}",
                check=name,
            ) from error


def _failure(check: Check, tester: Tester[Any]) -> Exception | None:
    try:
        with seeded():
            check(tester)
    except Exception as error:  # whatever the component raises is a failure
        return error
    return None


def _declared(component: object, who: str, checks: Iterable[str]) -> dict[str, str]:
    """Returns a component's `cannot`, checked."""
    cannot: object = getattr(component, "cannot", {})
    if not isinstance(cannot, Mapping):
        raise ContractError(f'{who}.cannot is {cannot!r}: write {{"check": "reason"}}')
    for name, reason in cannot.items():
        if name not in checks:
            message = f"{who}.cannot: {not_one_of('check', name, checks)}"
            raise ContractError(message, check=str(name))
        if not isinstance(reason, str) or not reason.strip():
            message = f"{who}.cannot[{name!r}] is {reason!r}: write the reason as a sentence"
            raise ContractError(message, check=name)
    return dict(cannot)
