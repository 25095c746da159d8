"""A network from what was typed: a registered name, or a place in the user's own code."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganblocks.blocks import BLOCKS
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import GanBlocksError, OptionError, RegistryError
from ganblocks.generators import GENERATORS

KINDS = (DISCRIMINATORS, GENERATORS, BLOCKS)
CHANNELS = 6
"""Input channels of a discriminator without `--set in_channels=…`: two RGB images."""


def network_of(name: str, options: Sequence[str] = ()) -> nn.Module:
    """Builds the network of that name."""
    arguments = dict(_argument(text) for text in options)
    if ":" in name:
        return _own(name, arguments)
    for registry in KINDS:
        if name in registry:
            if registry is DISCRIMINATORS and _lacks_channels(name):
                arguments = {"in_channels": CHANNELS, **arguments}
            network: nn.Module = _without_data(partial(registry.build, name, **arguments))
            return network
    known = sorted({n for registry in KINDS for n in registry.names()})
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise RegistryError(
        f"unknown network {name!r}: {hint}`ganblocks list discriminators` shows names; a network "
        "of your own is my_package.models:Net"
    )


def _lacks_channels(name: str) -> bool:
    """Returns whether a discriminator's number of channels must be given."""
    known = DISCRIMINATORS.describe(name)
    required = [p.name for p in known.parameters if p.default is p.empty]
    return "in_channels" in required and "in_channels" not in (known.preset or {})


def _own(name: str, arguments: dict[str, Any]) -> nn.Module:
    place, _, attribute = name.rpartition(":")
    try:
        value: Any = _module(place)
        for part in attribute.split("."):
            value = getattr(value, part)
    except GanBlocksError:
        raise
    except Exception as error:  # whatever a user's module does when it is imported
        raise OptionError(f"{name}: {type(error).__name__}: {error}") from error
    if isinstance(value, nn.Module):
        if arguments:
            raise OptionError(f"{name} is built already: --set has nothing to set")
        return value
    if not callable(value):
        raise OptionError(f"{name} is {value!r}: name a class or a function that gives a network")
    try:
        made = _without_data(partial(value, **arguments))
    except GanBlocksError:
        raise
    except Exception as error:
        raise OptionError(
            f"{name} cannot be built: {type(error).__name__}: {error}. Its arguments are written "
            "--set name=value"
        ) from error
    if not isinstance(made, nn.Module):
        raise OptionError(f"{name} gives a {type(made).__name__}, which is no nn.Module")
    return made


def _module(place: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    if not place.endswith(".py"):
        return importlib.import_module(place)
    found = importlib.util.spec_from_file_location(Path(place).stem, place)
    if found is None or found.loader is None:
        raise OptionError(f"{place} is no file of Python code")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _without_data(build: Any) -> Any:
    """Builds on the meta device, or as usual where the network needs numbers to be built."""
    try:
        with torch.device("meta"):
            return build()
    except GanBlocksError:
        raise
    except Exception:
        return build()


def _argument(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise OptionError(f"--set {text}: write name=value, such as --set base_channels=8")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
