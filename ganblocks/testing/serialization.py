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
from ganblocks.testing.contract import ContractError, Subject, require, require_same
from ganblocks.testing.tensors import seeded


def copy_(subject: Subject[Any]) -> None:
    """A deep copy behaves the same, and shares no weights."""
    component = subject.used()
    twin = copy.deepcopy(component)
    _require_same_behavior(subject, twin, component, "the copy")
    if isinstance(component, nn.Module):
        own = {p.data_ptr() for p in component.parameters() if p.numel()}
        shared = [n for n, p in twin.named_parameters() if p.data_ptr() in own]
        require(not shared, f"the copy shares {shared} with the original")


def pickle_(subject: Subject[Any]) -> None:
    """A component that went through pickle behaves the same; loader workers need that.

    Spared are modules with a parametrization, such as spectral norm, which torch refuses.
    """
    component = subject.used()
    if isinstance(component, nn.Module) and any(map(is_parametrized, component.modules())):
        return
    _require_same_behavior(
        subject, pickle.loads(pickle.dumps(component)), component, "the unpickled one"
    )


def spec(subject: Subject[Any]) -> None:
    """Its spec is plain JSON and builds it again: same class, weights' layout, behavior, spec."""
    component = subject.used()
    name, registry = next(r for r in registries().items() if r[1].kind == subject.kind)
    try:
        made = spec_of(component)
    except SpecError as error:
        hint = (
            f'. For this kind that is @{name}.register("...") above the class or factory function; '
            "the component is then known by that name"
        )
        known = registered_name(type(component)) is not None
        raise ContractError(f"{error}{'' if known else hint}") from error
    text = json.dumps(made, allow_nan=False)
    with seeded(6):  # another seed, so that no weight is right by chance
        again = registry.build(json.loads(text))
    require(type(again) is type(component), f"{text} builds a {type(again).__qualname__}")
    rebuilt = spec_of(again)
    require(rebuilt == made, f"{text} builds what has the spec {json.dumps(rebuilt)}")
    if isinstance(component, nn.Module):
        _load(again, component, f"what {text} builds")
    _require_same_behavior(subject, again, component, f"what {text} builds")


def state_dict(subject: Subject[Any]) -> None:
    """A fresh component that loads the state dict, strictly, behaves the same."""
    component = subject.used()
    with seeded(6):
        fresh = subject.make()
    _load(fresh, component, "a fresh one")
    _require_same_behavior(subject, fresh, component, "a fresh one with the same state dict")


def _load(target: nn.Module, source: nn.Module, what: str) -> None:
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise ContractError(f"{what} has another state dict: {error}") from error


def _require_same_behavior(subject: Subject[Any], got: Any, expected: Any, what: str) -> None:
    made, due = subject.behavior(got), subject.behavior(expected)
    require_same(made, due, f"{what} behaves differently: ")
