"""The checks of serialization: copies, pickles, specs and state dicts."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganblocks.errors import SpecError
from ganblocks.registries import registries
from ganblocks.registry import spec_of
from ganblocks.spec import registered_name
from ganblocks.testing.contract import ContractError, Tester, require, require_same
from ganblocks.testing.tensors import seeded


def copy_(tester: Tester[Any]) -> None:
    """A deep copy behaves the same and shares no parameters."""
    component = tester.used()
    twin = copy.deepcopy(component)
    _require_same_behavior(tester, twin, component, "the copy")
    if isinstance(component, nn.Module):
        own = {p.data_ptr() for p in component.parameters() if p.numel()}
        shared = [n for n, p in twin.named_parameters() if p.data_ptr() in own]
        require(not shared, f"the copy shares {shared} with the original")


def pickle_(tester: Tester[Any]) -> None:
    """An unpickled component behaves the same, as worker processes need.

    Modules with a parametrization, such as spectral norm, are exempt: torch cannot pickle them.
    """
    component = tester.used()
    if isinstance(component, nn.Module) and any(map(is_parametrized, component.modules())):
        return
    _require_same_behavior(
        tester, pickle.loads(pickle.dumps(component)), component, "the unpickled one"
    )


def spec(tester: Tester[Any]) -> None:
    """Its spec is JSON and rebuilds it: same class, state dict, behavior and spec."""
    component = tester.used()
    name, registry = next(r for r in registries().items() if r[1].kind == tester.kind)
    try:
        text = json.dumps(spec_of(component), allow_nan=False)
    except SpecError as error:
        hint = (
            f'. For this kind that is @{name}.register("...") above the class or factory function'
        )
        known = registered_name(type(component)) is not None
        raise ContractError(f"{error}{'' if known else hint}") from error
    with seeded(6):  # another seed, so that no weight is equal by chance
        rebuilt = registry.build(json.loads(text))
    require(type(rebuilt) is type(component), f"{text} builds a {type(rebuilt).__qualname__}")
    again = json.dumps(spec_of(rebuilt))
    require(again == text, f"{text} builds a component whose spec is {again}")
    if isinstance(component, nn.Module):
        _load(rebuilt, component, f"what {text} builds")
    _require_same_behavior(tester, rebuilt, component, f"what {text} builds")


def state_dict(tester: Tester[Any]) -> None:
    """A fresh component that loads the state dict behaves the same."""
    component = tester.used()
    with seeded(6):
        fresh = tester.make()
    _load(fresh, component, "a fresh one")
    _require_same_behavior(tester, fresh, component, "a fresh one with the same state dict")


def _load(target: nn.Module, source: nn.Module, what: str) -> None:
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise ContractError(f"{what} has another state dict: {error}") from error


def _require_same_behavior(tester: Tester[Any], result: Any, expected: Any, what: str) -> None:
    where = f"{what} behaves differently: "
    require_same(tester.behavior(result), tester.behavior(expected), where)
