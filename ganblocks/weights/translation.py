"""From the keys of another code base to ours, and back."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, WeightsError, listed
from ganblocks.registry import Spec, spec_of
from ganblocks.weights.formats import FORMATS, require_format, up_to_date, without_prefix
from ganblocks.weights.io import misfits, read_weights, shapes_of
from ganblocks.weights.layout import NORMS, PORT, Format, Weights

N = TypeVar("N", bound=nn.Module)

# What our components take where a spec is silent, so that a spec that says it is the same.
_OPTIONS: dict[str, Spec] = {
    "batch": {"eps": 1e-5, "affine": True},
    "instance": {"eps": 1e-5, "affine": True},
    "leaky_relu": {"negative_slope": 0.2},
}
_NO_TRACE = {"momentum"}  # of a norm that is trained already


def build_from_reference(
    cls: type[N], component: str, weights: Mapping[str, Tensor] | str | Path, arguments: Spec
) -> N:
    """Builds our network that a foreign state dict is of, and fills it; `arguments` go first."""
    spec, state = from_reference(component, read_weights(weights))
    network = cls(**{**spec, **arguments})
    if wrong := misfits(state, shapes_of(network)):
        raise WeightsError(
            f"the weights do not fit this {cls.__name__}: {wrong[0]}. An argument given to "
            "from_reference contradicts them: leave out those that decide keys and shapes"
        )
    network.load_state_dict(state)
    return network


def from_reference(component: str, weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Returns the arguments of our network that a foreign state dict is of, and its state dict.

    Raises:
        WeightsError: It is of something else, or a key is missing, left over or has another
            shape; the first that does not fit the nearest network is named.
    """
    weights = without_prefix(up_to_date(weights))
    found = require_format(weights, component)
    nearest: tuple[list[str], int, Spec] | None = None
    for spec, layout in found.candidates(weights):
        wrong = misfits(weights, {e.theirs: e.shape for e in layout if e.theirs is not None})
        if not wrong:
            return spec, {
                entry.ours: torch.zeros(entry.shape)
                if entry.theirs is None
                else weights[entry.theirs]
                for entry in layout
            }
        if nearest is None or len(wrong) < len(nearest[0]):
            nearest = wrong, sum(entry.theirs is not None for entry in layout), spec
    assert nearest is not None
    wrong, size, spec = nearest
    count = "1 key differs" if len(wrong) == 1 else f"{len(wrong)} keys differ"
    raise WeightsError(
        f"the state dict is no {found.what.removeprefix('a ')} that we know. In the nearest "
        f"({_said(spec)}) {count} (the network has {size}); the first: {wrong[0]}. Check that the "
        "file is whole and that nothing was renamed"
    )


def to_reference(model: Any) -> dict[str, Tensor]:
    """Returns a network's weights under the keys of pytorch-CycleGAN-and-pix2pix.

    Its own code loads them, and its network then computes what ours does. Dropout and the size
    policy have no keys there, and are not asked for.

    Args:
        model: A `UNetGenerator`, `ResNetGenerator`, `PatchDiscriminator` or
            `PixelDiscriminator`; the wrappers of data parallelism and of torch.compile are
            taken off.

    Returns:
        The state dict in the port's order. The tensors are the network's own, as in
        `state_dict()`.

    Raises:
        OptionError: The port has no such network; the first argument in which it differs is named.
        SpecError: The network is of another class, which is not registered.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> list(to_reference(PatchDiscriminator(base_channels=8)))[:3]
        ['model.0.weight', 'model.0.bias', 'model.2.weight']
    """
    while isinstance(model, nn.Module) and [*model._modules] in (["module"], ["_orig_mod"]):
        [model] = model.children()
    kind = spec_of(model)["type"]
    port = {known.component: known for known in FORMATS if known.source == PORT}
    if kind not in port:
        raise OptionError(
            f"the PyTorch port has no {kind!r}: it has {listed(port)}. Save model.state_dict()",
            see="state-dict",
        )
    return written(model, port[kind])


def written(model: nn.Module, layout: Format) -> dict[str, Tensor]:
    """Returns a network's weights in a foreign layout, if that has such a network."""
    spec: Spec = {argument: _short(value) for argument, value in spec_of(model).items()}

    def require(holds: bool, argument: str, allowed: str) -> None:
        if not holds:
            raise OptionError(
                f"{argument} is {spec[argument]!r}, and {layout.source} has {allowed}: its network "
                "would compute something else. Save model.state_dict() instead",
                see="state-dict",
            )

    norm = next((name for name in layout.norms if NORMS[name] == spec["norm"]), "")
    require(norm != "", "norm", _either(NORMS[name] for name in layout.norms))
    biases = layout.biases(norm)
    free = {"norm", *layout.dimensions, *layout.silent, *biases} - {*layout.choices}
    for argument, parameter in inspect.signature(type(model)).parameters.items():
        if argument not in free:
            default = layout.dialect.get(argument, _short(parameter.default))
            allowed = layout.choices.get(argument, (default,))
            require(spec[argument] in allowed, argument, _either(allowed))
    for argument, least in layout.least.items():
        require(spec[argument] >= least, argument, f"{least} at least")

    entries, state = layout.layout(norm, spec), model.state_dict()
    if wrong := misfits(state, {entry.ours: entry.shape for entry in entries}):
        # All other arguments are the layout's.
        first = next(
            (argument for argument in biases if spec[argument] != biases[argument]), "bias"
        )
        require(False, first, f"{_said(biases)} with this norm ({wrong[0]})")
    for entry in entries:
        zero = entry.theirs is not None or not state[entry.ours].any()
        require(zero, "bias", f"none with this norm ({entry.ours} is not 0)")
    return {entry.theirs: state[entry.ours] for entry in entries if entry.theirs is not None}


def _either(allowed: Iterable[object]) -> str:
    return " or ".join(map(repr, allowed))


def _said(arguments: Spec) -> str:
    return ", ".join(f"{argument}={value!r}" for argument, value in arguments.items())


def _short(value: object) -> object:
    """Leaves out of a component's spec what it does not change; lists stand for tuples."""
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, Mapping) or "type" not in value:
        return value
    usual = _OPTIONS.get(value["type"], {})
    spec = {
        key: option
        for key, option in value.items()
        if key == "type" or (key not in _NO_TRACE and usual.get(key, ...) != option)
    }
    return spec if len(spec) > 1 else spec["type"]
