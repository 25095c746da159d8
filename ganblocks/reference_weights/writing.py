"""From our networks to the keys of the PyTorch port, where the port has the same network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ganblocks.errors import OptionError, listed
from ganblocks.reference_weights import port_patch, port_resnet, port_unet
from ganblocks.reference_weights.layout import PORT_NORMS, Layout, misfits
from ganblocks.registry import Spec, spec_of


@dataclass(frozen=True)
class _Port:
    """How the port writes one of our networks.

    Args:
        layout_of: Lists the tensors, given the norm's name and the `dimensions`.
        knobs_of: Gives the norm and the biases that the port has, given the norm's name.
        dimensions: Knobs that decide keys and shapes; any value goes, but for `choices`.
        silent: Knobs that leave no trace in keys, nor in the output in eval mode.
        choices: What else than the default the port has.
    """

    layout_of: Callable[..., Layout]
    knobs_of: Callable[[str], Spec]
    dimensions: Collection[str]
    silent: Collection[str] = ("init",)
    choices: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


_GENERATOR = ("dropout_mode", "checkpointing", "size_policy", "init")
_PORTS = {
    "unet": _Port(
        port_unet.layout_of,
        port_unet.knobs_of,
        ("in_channels", "out_channels", "base_channels", "num_downs"),
        ("dropout", "dropout_levels", *_GENERATOR),
    ),
    "resnet": _Port(
        port_resnet.layout_of,
        port_resnet.knobs_of,
        (
            "in_channels",
            "out_channels",
            "base_channels",
            "n_blocks",
            "num_downs",
            "padding_mode",
            "dropout",
        ),
        _GENERATOR,
        {"num_downs": (2,), "padding_mode": ("reflect", "replicate", "zeros")},
    ),
    "patch": _Port(
        port_patch.patch_layout_of,
        port_patch.patch_knobs_of,
        ("in_channels", "base_channels", "n_layers"),
        ("checkpointing", "init"),
        choices={"padding": ("auto", 1)},
    ),
    "pixel": _Port(
        port_patch.pixel_layout_of, port_patch.pixel_knobs_of, ("in_channels", "base_channels")
    ),
}
_LEAST_DOWNS = 5  # of the port's U-Net, whatever number it is given

# What our components take where a spec is silent, so that a spec that says it is the same.
_OPTIONS: dict[str, Spec] = {
    "batch": {"eps": 1e-5, "affine": True},
    "instance": {"eps": 1e-5, "affine": True},
    "leaky_relu": {"negative_slope": 0.2},
}
_NO_TRACE = {"momentum"}  # of a norm that is trained already


def to_reference(model: Any) -> dict[str, Tensor]:
    """Gives a network's weights under the keys of pytorch-CycleGAN-and-pix2pix.

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
        OptionError: The port has no such network; the first knob in which it differs is named.
        SpecError: The network is of another class, which is not registered.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> list(to_reference(PatchDiscriminator(base_channels=8)))[:3]
        ['model.0.weight', 'model.0.bias', 'model.2.weight']
    """
    while isinstance(model, nn.Module) and [*model._modules] in (["module"], ["_orig_mod"]):
        [model] = model.children()
    spec = spec_of(model)
    kind = spec.pop("type")
    if kind not in _PORTS:
        raise OptionError(
            f"the PyTorch port has no {kind!r}: it has {listed(_PORTS)}. Save model.state_dict()",
            see="state-dict",
        )
    port = _PORTS[kind]
    spec = {knob: _short(value) for knob, value in spec.items()}
    norm = _norm_of(spec["norm"])
    wanted = port.knobs_of(norm)
    for knob, parameter in inspect.signature(type(model)).parameters.items():
        if knob not in (*port.dimensions, *port.silent, *wanted) or knob in port.choices:
            _require(knob, spec[knob], port.choices.get(knob, (_short(parameter.default),)))
    if spec.get("num_downs", _LEAST_DOWNS) < _LEAST_DOWNS and kind == "unet":
        raise _differs("num_downs", spec["num_downs"], f"{_LEAST_DOWNS} at least")

    layout = port.layout_of(norm=norm, **{knob: spec[knob] for knob in port.dimensions})
    state: dict[str, Tensor] = model.state_dict()
    wrong = misfits(state, {entry.ours: entry.shape for entry in layout})
    if wrong:  # all other knobs are the port's
        biases = {knob: value for knob, value in wanted.items() if knob != "norm"}
        first = next((knob for knob in biases if spec[knob] != biases[knob]), "bias")
        said = ", ".join(f"{knob}={value!r}" for knob, value in biases.items())
        raise _differs(first, spec[first], f"{said} with this norm ({wrong[0]} differs)")
    for entry in layout:
        if entry.theirs is None and state[entry.ours].any():
            raise _differs("bias", spec["bias"], f"none with this norm ({entry.ours} is not 0)")
    return {entry.theirs: state[entry.ours] for entry in layout if entry.theirs is not None}


def _norm_of(norm: object) -> str:
    for name, knobs in PORT_NORMS.items():
        if norm == knobs["norm"]:
            return name
    raise _differs("norm", norm, _either(knobs["norm"] for knobs in PORT_NORMS.values()))


def _require(knob: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise _differs(knob, value, _either(allowed))


def _either(allowed: Iterable[object]) -> str:
    return " or ".join(map(repr, allowed))


def _differs(knob: str, value: object, allowed: str) -> OptionError:
    return OptionError(
        f"{knob} is {value!r}, and the PyTorch port has {allowed}: its network would compute "
        "something else. Save model.state_dict() instead",
        see="state-dict",
    )


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
