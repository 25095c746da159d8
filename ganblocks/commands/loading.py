"""Networks from the command line: a registered name, or an object in the user's own code."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from ganblocks.blocks import BLOCKS
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import GanBlocksError, OptionError, RegistryError, did_you_mean
from ganblocks.generators import GENERATORS
from ganblocks.weights.io import without_data

KINDS = (DISCRIMINATORS, GENERATORS, BLOCKS)
CHANNELS = 6
"""Input channels of a discriminator without `--set in_channels=…`: two RGB images."""


def network_of(name: str, options: Sequence[str] = ()) -> nn.Module:
    """Builds the network that a name and `--set` options describe."""
    arguments = dict(_argument(text) for text in options)
    if ":" in name:
        return _own(name, arguments)
    for registry in KINDS:
        if name in registry:
            if registry is DISCRIMINATORS and _lacks_channels(name):
                arguments = {"in_channels": CHANNELS, **arguments}
            network: nn.Module = without_data(name, partial(registry.build, name, **arguments))
            return network
    hint = did_you_mean(name, sorted({n for registry in KINDS for n in registry.names()}), most=3)
    raise RegistryError(
        f"unknown network {name!r}: {hint}`ganblocks list discriminators` lists names; write "
        "your own network as my_package.models:Net"
    )


def _lacks_channels(name: str) -> bool:
    known = DISCRIMINATORS.describe(name)
    required = [p.name for p in known.parameters if p.default is p.empty]
    return "in_channels" in required and "in_channels" not in (known.preset or {})


def _own(name: str, arguments: dict[str, Any]) -> nn.Module:
    source, _, attribute = name.rpartition(":")
    try:
        value: Any = _module(source)
        for part in attribute.split("."):
            value = getattr(value, part)
    except GanBlocksError:
        raise
    except Exception as error:  # a user's module may raise anything on import
        raise OptionError(f"{name}: {type(error).__name__}: {error}") from error
    if isinstance(value, nn.Module):
        if arguments:
            raise OptionError(f"{name} is already built: omit --set")
        return value
    if not callable(value):
        raise OptionError(f"{name} is {value!r}: name a network, its class or its factory")
    network = without_data(name, partial(value, **arguments))
    if not isinstance(network, nn.Module):
        raise OptionError(f"{name} returns a {type(network).__name__}, not an nn.Module")
    return network


def _module(source: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    if not source.endswith(".py"):
        return importlib.import_module(source)
    spec: Any = importlib.util.spec_from_file_location(Path(source).stem, source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _argument(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise OptionError(f"--set {text}: write name=value, such as --set base_channels=8")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
