"""The names of a registry as Markdown: an overview, and an entry for each."""

from __future__ import annotations

import inspect
import re
from typing import Any

import torch

from _site.drawing_modules import parameter_count
from _site.markdown import table
from _site.public import HOMES, path_of, value_of
from ganblocks import Registry
from ganblocks.registry import Description
from ganblocks.rf import ReceptiveField

WIDTH = 78
"""Characters of a line of code that fit a page."""

_YEAR = re.compile(r"\b(?:18|19|20)\d\d\b")
_BRACKETS = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


def built_in(registry: Registry[Any]) -> list[str]:
    """Returns the names that ganblocks itself registers, without those of plugins."""
    return [n for n in registry.names() if registry.describe(n).target.startswith("ganblocks.")]


def class_of(description: Description) -> str:
    """Returns the name of the class or function that a name builds with."""
    return description.target.rpartition(".")[2]


def public_classes(registry: Registry[Any]) -> list[str]:
    """Returns the public classes that a registry builds, after their parents in its room."""
    found: dict[str, None] = {}
    for name in built_in(registry):
        built = class_of(registry.describe(name))
        if built in HOMES and inspect.isclass(value_of(built)):
            bases = [base for base in reversed(value_of(built).__mro__) if base.__name__ in HOMES]
            found |= dict.fromkeys(b.__name__ for b in bases if _room(b) == _room(bases[-1]))
    return list(found)


def _room(cls: type) -> str:
    return cls.__module__.split(".")[1]


def hidden_targets(registry: Registry[Any]) -> list[str]:
    """Returns the paths of classes and functions that are only public by their names."""
    described = [registry.describe(name) for name in built_in(registry)]
    targets = {d.target: None for d in described if class_of(d) not in HOMES}
    return list(targets)


def overview(registry: Registry[Any]) -> str:
    """Returns a table of the names: what they build, their sources, and networks' numbers."""
    rows = []
    for name in built_in(registry):
        description = registry.describe(name)
        numbers = _numbers(registry, name)
        rows.append([f"[`{name}`](#{name})", link(description), _source(description), *numbers])
    head = ["name", "builds", "source", *_NUMBERS.get(registry.kind, ())]
    return table(head, rows)


def entry(registry: Registry[Any], constant: str, name: str) -> str:
    """Returns the entry of a name: its summary, what it builds, and its call."""
    description = registry.describe(name)
    lines = [f"### `{name}` {{#{name}}}", description.summary.rstrip(".") + "."]
    arguments = []
    if description.preset is None:
        arguments = _arguments(description)
    else:
        fixed = [f"{k}={v!r}" for k, v in description.preset.items() if k != "type"]
        fixed_ones = f"`{', '.join(fixed)}`" if fixed else "its defaults"
        lines.append(f"{link(description)} with {fixed_ones}; its other options can be set too.")
    written = [f'"{name}"', *arguments]
    call = f"{constant}.build({', '.join(written)})"
    if len(call) > WIDTH:
        call = "\n    ".join([f"{constant}.build(", *(f"{w}," for w in written)]) + "\n)"
    lines.append(f"```{{.python .signature}}\n{call}\n```")
    return "\n\n".join(lines)


def _arguments(description: Description) -> list[str]:
    written = []
    for parameter in description.parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            written.append(str(parameter.replace(annotation=parameter.empty)))
        elif parameter.default is parameter.empty:
            written.append(parameter.name)
        else:
            written.append(f"{parameter.name}={parameter.default!r}")
    return written


def link(description: Description) -> str:
    """Returns a link to the class or function that a name builds with."""
    built = class_of(description)
    path = path_of(built) if built in HOMES else description.target
    return f"[`{built}`][{path}]"


def _source(description: Description) -> str:
    """Returns the first paper in parentheses, in the summary or else in the docstring."""
    for words in (description.summary, description.documentation):
        for inside in _BRACKETS.findall(words):
            if _YEAR.search(inside):
                return " ".join(inside.split()).replace("|", "\\|")
    return "–"


_NUMBERS = {
    "generators": ("parameters",),
    "discriminators": ("parameters", "receptive field"),
}


def _numbers(registry: Registry[Any], name: str) -> list[str]:
    if registry.kind not in _NUMBERS:
        return []
    with torch.device("meta"):
        channels = {"in_channels": 6} if registry.kind == "discriminators" else {}
        network = registry.build(name, **channels)
    numbers = [f"{parameter_count(network):,}"]
    if registry.kind == "discriminators":
        known = network.receptive_field
        fields = [known] if isinstance(known, ReceptiveField) else known
        numbers.append(", ".join("×".join(map(str, field.size)) for field in fields))
    return numbers
