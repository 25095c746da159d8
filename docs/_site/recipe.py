"""The table of the recipe's flags, from the recipe itself."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

RECIPE = Path(__file__).parents[2] / "examples" / "pix2pix_facades.py"


def flags() -> str:
    """Writes every flag with its values in the presets and what it means."""
    module = _recipe()
    presets = list(module.PRESETS)
    head = ["flag", "without a preset", *(f"`{preset}`" for preset in presets), "meaning"]
    rows = []
    for field in dataclasses.fields(module.Config):
        values = [module.PRESETS[preset].get(field.name, field.default) for preset in presets]
        cells = [_written(field.default), *map(_written, values)]
        choices = field.metadata["choices"] or ()
        allowed = f": {', '.join(f'`{choice}`' for choice in choices)}" if choices else ""
        name = f"`--{field.name.replace('_', '-')}`"
        rows.append([name, *cells, field.metadata["help"] + allowed])
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _written(value: object) -> str:
    return "–" if value is None or value is False else f"`{value}`"


def _recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recipe_of_the_docs", RECIPE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(RECIPE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
