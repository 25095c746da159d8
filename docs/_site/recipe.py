"""Tables of the recipe's flags, from the recipe itself."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from _site.markdown import table

RECIPE = Path(__file__).parents[2] / "examples" / "pix2pix_facades.py"


GROUPS = {
    "Data": (
        *("data", "direction", "a", "b", "a_format", "b_format", "held_out", "side_by_side"),
        *("load_size", "crop_size", "resize"),
        *("cache", "workers"),
    ),
    "Networks": ("generator", "base_channels", "num_downs", "up", "up_padding", "n_layers", "norm"),
    "What is minimized": (
        *("adversarial", "lambda_l1", "penalty", "penalty_weight", "penalty_interval"),
        *("augment", "pool_size"),
    ),
    "Steps and rates": (
        *("epochs", "steps", "batch_size", "accumulate"),
        *("lr", "lr_discriminator", "schedule", "clip_norm", "ema"),
    ),
    "Where and how": (
        "device",
        "precision",
        "compile",
        "cuda_graph",
        "shard",
        "deterministic",
        "seed",
    ),
    "The run": (
        *("preset", "out", "resume", "log_every", "sample_every", "checkpoint_every"),
        *("keep_last", "score_every", "best_by", "progress"),
    ),
}
"""Flags by heading."""


def flags() -> str:
    """Returns a table for each group of flags, with their values in the presets and meaning.

    Raises:
        ValueError: A flag of the recipe is in no group, or a group names an unknown flag.

    Examples:
        >>> "| `--cuda-graph` | – | – | – | – | run the step as one CUDA graph |" in flags()
        True
    """
    module = _recipe()
    fields = {field.name: field for field in dataclasses.fields(module.Config)}
    grouped = [name for names in GROUPS.values() for name in names]
    if wrong := sorted(fields.keys() ^ set(grouped)):
        raise ValueError(f"flags of the recipe and of its page differ: {wrong}. Correct GROUPS")
    presets = module.PRESETS
    head = ["flag", "without a preset", *(f"`{preset}`" for preset in presets), "meaning"]
    lines = []
    for heading, names in GROUPS.items():
        rows = [_row(fields[name], presets.values()) for name in names]
        lines += [f"### {heading}", "", table(head, rows), ""]
    return "\n".join(lines)


def _row(field: dataclasses.Field[Any], presets: Iterable[Mapping[str, object]]) -> list[str]:
    values = [field.default, *(preset.get(field.name, field.default) for preset in presets)]
    choices = field.metadata["choices"] or ()
    allowed = f": {', '.join(f'`{choice}`' for choice in choices)}" if choices else ""
    flag = field.name.replace("_", "-")
    name = f"`--{flag}`, `--no-{flag}`" if field.default is True else f"`--{flag}`"
    return [name, *map(_written, values), field.metadata["help"] + allowed]


def _written(value: object) -> str:
    if value is True:
        return "on"
    return "–" if value is None or value is False else f"`{value}`"


def _recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recipe_of_the_docs", RECIPE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(RECIPE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
