"""Converts state dicts from the keys of other code bases to ours, and back."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import GanBlocksWarning, OptionError, WeightsError, listed
from ganblocks.registry import Spec, spec_of
from ganblocks.spec import registered_name
from ganblocks.weights.formats import FORMATS, require_format, up_to_date, without_prefix
from ganblocks.weights.io import mismatches, read_weights, shapes_of
from ganblocks.weights.layout import NORMS, Format, Weights

_DEFAULT_OPTIONS: dict[str, Spec] = {
    "batch": {"eps": 1e-5, "affine": True},
    "instance": {"eps": 1e-5, "affine": True},
    "leaky_relu": {"negative_slope": 0.2},
}
_TRAINING_OPTIONS = {"momentum"}  # irrelevant to trained weights
_TRAINING_ARGUMENTS = {"checkpointing", "dropout_mode", "size_policy", "init"}
_BIASES = ("bias", "last_bias")
_INNER = ("dialect", "discriminator")  # arguments that have arguments of their own


class FromReference(nn.Module):
    """Base class of networks that can be built from another code base's state dict.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> state = to_reference(PatchDiscriminator(4, base_channels=8, n_layers=2))
        >>> PatchDiscriminator.from_reference(state).receptive_field.size
        (34, 34)
    """

    @classmethod
    def from_reference(cls, weights: Mapping[str, Tensor] | str | Path, **options: Any) -> Self:
        """Builds a network from another code base's state dict, and loads the weights.

        Reads the layout of pytorch-CycleGAN-and-pix2pix; for U-Nets, also the pix2pix tutorial's
        (`conv1.0.weight` …); for multi-scale discriminators, pix2pixHD's and SPADE's; with or
        without `module.`. Depth, width, channels, norm and dialect are inferred from keys and
        shapes. They do not show a U-Net's dropout or a ResNet's padding mode (except zeros), which
        default to the code base's. If two code bases with the same keys differ in an argument, a
        warning names it. `to_reference` writes these layouts.

        Args:
            weights: The state dict, or its file (`.pth` without pickled objects, or
                `.safetensors`).
            **options: Arguments of the network that the keys do not determine, such as `dropout`,
                `padding_mode` or `size_policy`.

        Raises:
            WeightsError: The file cannot be read, or a key does not fit; the message names the key.

        Examples:
            >>> from ganblocks import UNetGenerator
            >>> state = to_reference(UNetGenerator(in_channels=1, base_channels=4, num_downs=5))
            >>> network = UNetGenerator.from_reference(state, dropout=0.0)
            >>> network.in_channels, network.num_downs
            (1, 5)
        """
        component = next(filter(None, map(registered_name, cls.__mro__)), cls.__name__)
        known, spec, state = _found(component, read_weights(weights))
        for argument, why in known.doubts(spec).items():
            if argument not in options:
                warnings.warn(
                    f"{argument} is not in the keys, and is taken to be {known.source}'s: {why}",
                    GanBlocksWarning,
                    stacklevel=2,
                )
        network = cls(**{**spec, **options})
        if wrong := mismatches(state, shapes_of(network)):
            raise WeightsError(
                f"the weights do not fit this {cls.__name__}: {wrong[0]}. An argument given to "
                "from_reference contradicts them: leave out those that determine keys and shapes"
            )
        network.load_state_dict(state)
        return network


def from_reference(component: str, weights: Weights) -> tuple[Spec, dict[str, Tensor]]:
    """Returns our network's arguments and state dict for a foreign state dict."""
    _, spec, state = _found(component, weights)
    return spec, state


def _found(component: str, weights: Weights) -> tuple[Format, Spec, dict[str, Tensor]]:
    """Returns the format of a state dict, and our network's arguments and state dict.

    Raises:
        WeightsError: It is from another network, or a key is missing, unexpected or of a different
            shape; the message names the first mismatch with the closest network.
    """
    weights = without_prefix(up_to_date(weights))
    layout_format = require_format(weights, component)
    closest: tuple[list[str], int, Spec] | None = None
    for spec, layout in layout_format.candidates(weights):
        theirs = {entry.theirs: entry.shape for entry in layout}
        wrong = mismatches(weights, theirs)
        if not wrong:
            return layout_format, spec, {entry.ours: weights[entry.theirs] for entry in layout}
        if closest is None or len(wrong) < len(closest[0]):
            closest = wrong, len(theirs), spec
    assert closest is not None
    wrong, size, spec = closest
    count = "1 key differs" if len(wrong) == 1 else f"{len(wrong)} keys differ"
    raise WeightsError(
        f"the state dict matches no known {layout_format.name.removeprefix('a ')}. In the "
        f"closest ({_written(spec)}) {count} (the network has {size}); the first: {wrong[0]}. "
        "Check that the file is complete and that no key was renamed"
    )


@checked
def to_reference(model: Any) -> dict[str, Tensor]:
    """Returns a network's weights under the keys of the matching code base.

    That is pytorch-CycleGAN-and-pix2pix; the pix2pix tutorial for a U-Net of the tutorial's
    dialect; pix2pixHD or SPADE for a multi-scale discriminator. That code base's network of the
    same depth and widths loads them and computes the same outputs. Dropout and the size policy are
    not part of a state dict, and are not checked.

    Args:
        model: A `UNetGenerator`, `ResNetGenerator`, `PatchDiscriminator`, `PixelDiscriminator` or
            `MultiScaleDiscriminator`, possibly wrapped for data parallelism or by torch.compile.

    Returns:
        The state dict, in that code base's order. Tensors are shared, as in `state_dict()`.

    Raises:
        OptionError: No known code base has such a network; the message names the first difference.
        SpecError: The class of the network is not registered.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> list(to_reference(PatchDiscriminator(6, base_channels=8)))[:3]
        ['model.0.weight', 'model.0.bias', 'model.2.weight']
    """
    if not isinstance(model, nn.Module):
        raise OptionError(f"model is {model!r}: pass a network")
    while [name for name, _ in model.named_children()] in (["module"], ["_orig_mod"]):
        [model] = model.children()
    component = spec_of(model)["type"]
    formats = [known for known in FORMATS if known.writable and known.component == component]
    if not formats:
        written = dict.fromkeys(known.component for known in FORMATS)
        raise OptionError(
            f"no known code base has a {component!r}: to_reference writes {listed(written)}. "
            "Save model.state_dict()",
            see="state-dict",
        )
    arguments, defaults = _arguments_and_defaults(model)
    refusals = []
    for known in formats:
        try:
            return _as_theirs(known, arguments, defaults, model.state_dict())
        except OptionError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _as_theirs(
    known: Format, arguments: Spec, defaults: Spec, state: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Returns a state dict under the keys of a format; raises `OptionError` if they differ."""
    choices = {"norm": [NORMS[name] for name in known.norms], **known.choices}
    free = {*known.free, *_TRAINING_ARGUMENTS, *_BIASES} - {*choices}
    for argument in [name for name in arguments if name not in free]:
        allowed = choices.get(argument, [defaults[argument]])
        if arguments[argument] not in allowed:
            raise _differs(argument, arguments, known, _either(allowed))

    norm = next(name for name in known.norms if NORMS[name] == arguments["norm"])
    given = known.arguments(norm)
    entries = known.layout(norm, {**arguments, **given})
    if wrong := mismatches(state, {entry.ours: entry.shape for entry in entries}):
        # All other arguments match, so the biases must differ.
        dialect = given.get("dialect")
        expected = {**defaults, **given, **(dialect if isinstance(dialect, Mapping) else {})}
        biases = {name: expected[name] for name in _BIASES if name in expected}
        first = next((name for name in biases if arguments[name] != biases[name]), "bias")
        allowed_biases = f"{_written(biases)} with this norm ({wrong[0]})"
        raise _differs(first, arguments, known, allowed_biases)
    return {entry.theirs: state[entry.ours] for entry in entries}


def _arguments_and_defaults(model: nn.Module) -> tuple[Spec, Spec]:
    """Returns a network's arguments and their defaults, including those of an inner component.

    Inner components are a U-Net's dialect and a multi-scale discriminator's scales.
    """
    arguments: Spec = {}
    defaults: Spec = {}
    scale = next(iter(getattr(model, "scales", ())), None)
    for component in filter(None, (model, getattr(model, "dialect", None), scale)):
        arguments |= {name: _shortened(value) for name, value in spec_of(component).items()}
        parameters = inspect.signature(type(component)).parameters
        defaults |= {name: _shortened(value.default) for name, value in parameters.items()}
    arguments = {name: arguments[name] for name in defaults if name not in _INNER}
    if scale is None:
        return arguments, defaults
    kind = {"discriminator": spec_of(scale)["type"]}
    return {**kind, **arguments}, {**defaults, "discriminator": "patch"}


def _differs(argument: str, arguments: Spec, known: Format, allowed: str) -> OptionError:
    return OptionError(
        f"{argument} is {arguments[argument]!r}, but {known.source} has {allowed}: its network "
        "would compute something else. Save model.state_dict() instead",
        see="state-dict",
    )


def _either(allowed: Iterable[object]) -> str:
    if isinstance(allowed, range):
        return f"{allowed[0]} to {allowed[-1]}"
    return " or ".join(map(repr, allowed))


def _written(arguments: Spec) -> str:
    return ", ".join(f"{argument}={value!r}" for argument, value in arguments.items())


def _shortened(value: object) -> object:
    """Removes options with their default value from a spec; turns a tuple into a list."""
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, Mapping) or "type" not in value:
        return value
    default = {"type": ..., **_DEFAULT_OPTIONS.get(value["type"], {})}
    spec = {
        key: option
        for key, option in value.items()
        if key not in _TRAINING_OPTIONS and default.get(key, ...) != option
    }
    return spec if len(spec) > 1 else spec["type"]
