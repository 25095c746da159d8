"""Builds a term of an objective from its spec: the loss, its weight and its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

from torch import nn

from ganblocks.errors import OptionError, not_one_of, require_count
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from ganblocks.losses.features import FEATURE_LOSSES
from ganblocks.losses.penalties.base import PENALTIES
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES
from ganblocks.losses.schedule import Weight, parse_weight
from ganblocks.losses.terms import NetworkTerm
from ganblocks.registry import Registry, Spec

_REGISTRIES: tuple[Registry[Any], ...] = (
    ADVERSARIAL_LOSSES,
    RECONSTRUCTION_LOSSES,
    FEATURE_LOSSES,
    PENALTIES,
)
_NETWORK = "network"  # the type of a term that the network computes itself


def build_term(name: str, term: str | Mapping[str, Any]) -> tuple[Any, Weight, int]:
    """Returns the loss of a term, its weight and its start.

    Raises:
        OptionError: The name, the loss or a number is invalid.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise OptionError(f"a term is called {name!r}: write an identifier such as 'l1'")
    if not isinstance(term, str | Mapping):
        raise OptionError(
            f"the term {name!r} is {term!r}: write a name, a spec such as "
            '{"type": "l1", "weight": 100}, or {"loss": loss, "weight": 100}'
        )
    spec: dict[str, Any] = {"type": term} if isinstance(term, str) else dict(term)
    weight = parse_weight(f"weight of the term {name!r}", spec.pop("weight", 1.0))
    start = spec.pop("start", 0)
    require_count(f"start of the term {name!r}", start, 0)
    loss = spec.pop("loss", None)
    if loss is None:
        loss = _build(name, spec)
    elif spec:
        raise OptionError(
            f"the term {name!r} has a loss object, which {sorted(spec)} cannot change: pass "
            "them to the object's constructor"
        )
    if not isinstance(loss, AdversarialLoss | nn.Module):
        raise OptionError(
            f"the loss of the term {name!r} is {loss!r}: pass an object of a subclass of "
            "nn.Module or AdversarialLoss"
        )
    return loss, weight, start


def _build(name: str, spec: Spec) -> Any:
    kind = spec.get("type")
    if not isinstance(kind, str):
        raise OptionError(f"the term {name!r} has the type {kind!r}: write a name such as 'l1'")
    if kind == _NETWORK:
        _require_options(name, spec, [])
        return NetworkTerm()
    registries = [registry for registry in _REGISTRIES if kind in registry]
    if not registries:
        known = [*(n for registry in _REGISTRIES for n in registry.names()), _NETWORK]
        raise OptionError(f"the term {name!r}: {not_one_of('type of loss', kind, known)}")
    if len(registries) > 1:
        kinds = " and ".join(registry.kind for registry in registries)
        raise OptionError(
            f"the term {name!r}: {kind!r} names one of each of {kinds}. Build the one you mean "
            'and pass it as {"loss": …}'
        )
    _require_options(name, spec, registries[0].describe(kind).parameters)
    return registries[0].build(spec)


def _require_options(name: str, spec: Spec, parameters: Sequence[Parameter]) -> None:
    """Checks the options of a loss, including the term's own `weight` and `start`."""
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    allowed = {*(parameter.name for parameter in parameters), "weight", "start"}
    for option in spec:
        if option != "type" and option not in allowed:
            raise OptionError(f"the term {name!r}: {not_one_of('option', option, allowed)}")
