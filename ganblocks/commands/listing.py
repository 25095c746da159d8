"""`ganblocks list` and `ganblocks show`: the registries, including plugins."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from ganblocks.errors import RegistryError, did_you_mean
from ganblocks.registries import registries, registry_of
from ganblocks.registry import Description, Registry

WIDTH = 100  # characters per line
MIN_WIDTH = 30  # minimum characters per summary


def list_components(kind: str = "") -> None:
    """Prints the names of one kind, or of all kinds, each with its summary.

    No plugin is imported: in the place of its summary is where it comes from.
    """
    names_of = {registry: registry.names() for registry in _of_kind(kind)}
    column = max((len(name) + 2 for names in names_of.values() for name in names), default=0)
    width = max(WIDTH - 2 - column, MIN_WIDTH)
    for number, (registry, names) in enumerate(names_of.items()):
        print("\n" * bool(number) + registry.kind)
        for name in names:
            line = textwrap.wrap(_line(registry, name), width, break_long_words=False)
            indented = ("\n" + " " * (2 + column)).join(line)
            print(f"  {name:{column}}{indented}")


def show_component(name: str, kind: str = "") -> None:
    """Prints the description of a name, for each kind that has it."""
    known = _of_kind(kind)
    matching = [registry for registry in known if name in registry]
    if not matching:
        hint = did_you_mean(name, {n for r in known for n in r.names()}, most=3)
        raise RegistryError(
            f"unknown name {name!r}: {hint}`ganblocks list{f' {kind}' if kind else ''}` lists them"
        )
    cards, errors = [], []
    for registry in matching:
        try:
            cards.append(_card(registry.describe(name)))
        except RegistryError as error:
            errors.append(error)
    if cards:
        print("\n\n\n".join(cards))
    if errors:
        raise errors[0]


def _of_kind(kind: str) -> list[Registry[Any]]:
    return [registry_of(kind)] if kind else list(registries().values())


def _line(registry: Registry[Any], name: str) -> str:
    if plugin := registry.plugin(name):
        return f"[{plugin.distribution}] {plugin.value}"
    try:
        card = registry.describe(name)
    except RegistryError as error:
        return f"broken: {error}"
    summary = card.summary or "no docstring"
    ours = card.target.startswith("ganblocks.")
    return summary if ours else f"[{card.distribution}] {summary}"


def _card(card: Description) -> str:
    parts = [f"{card.name} ({card.kind}): {card.summary or 'no docstring'}"]
    values = {key: value for key, value in (card.preset or {}).items() if key != "type"}
    if card.preset is not None:
        changed = ", ".join(f"{key}={value!r}" for key, value in values.items())
        parts.append(f"Preset of {card.preset['type']}: {changed}")
    lines = [_argument(parameter, values) for parameter in card.parameters]
    parts.append("\n".join([card.target, *(f"    {line}" for line in lines)]))
    if body := card.documentation.partition("\n")[2].strip():
        parts.append(body)
    return "\n\n".join([*parts, f"{card.file}:{card.line}, from {card.distribution}"])


def _argument(parameter: inspect.Parameter, values: dict[str, Any]) -> str:
    """Formats a parameter with its default, or with the value that a preset gives it."""
    if parameter.name in values:
        parameter = parameter.replace(default=values[parameter.name])
    if isinstance(parameter.annotation, str):
        # As in the source: str(parameter) would put the annotation in quotes.
        name = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        return f"{name}: {parameter.annotation}{default}"
    return str(parameter)
