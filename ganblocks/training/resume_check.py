"""Checks that a checkpoint fits the task and the data."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

from torch import nn

from ganblocks.errors import RunError, SpecError
from ganblocks.registry import spec_of
from ganblocks.tasks import Task


def require_same_run(task: Task, data: Any, saved: dict[str, Any], source: str) -> None:
    """Raises `RunError`, with the first difference, if the checkpoint belongs to another run."""
    for what, then, now, remedy in [
        ("another task", saved.get("task"), task_identity(task), "Build the original task"),
        ("other data", saved.get("data"), data, "Restore the original data"),
    ]:
        if then is not None and (difference := _difference(then, now)):
            raise RunError(
                f"{source}: the checkpoint belongs to {what}: {difference}. {remedy}, or start "
                "a new run",
                see="resume",
            )


def task_identity(task: Task) -> Any:
    """Returns the parts of a task's spec that a resumed training must share."""
    return _without(spec_or_name(task), ("init", "seed", "optimizer", "discriminator_optimizer"))


def spec_or_name(component: nn.Module) -> Any:
    """Returns a component's spec, or the names of its classes and terms if it has none."""
    try:
        return spec_of(component)
    except SpecError:
        names: dict[str, Any] = {"class": type(component).__name__}
    if isinstance(component, Task):
        names |= {name: spec_or_name(child) for name, child in component.named_children()}
    elif isinstance(getattr(component, "weights", None), dict):  # an objective
        names["terms"] = sorted(component.weights)  # type: ignore[arg-type]
    return names


def _without(spec: Any, keys: Iterable[str]) -> Any:
    if isinstance(spec, dict):
        return {k: _without(x, keys) for k, x in spec.items() if k not in keys}
    return [_without(x, keys) for x in spec] if isinstance(spec, list | tuple) else spec


def _difference(then: Any, now: Any, path: str = "") -> str:
    """Describes the first entry in which two plain specs differ; empty if none does."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*then, *(key for key in now if key not in then)]:
            inner = f"{path}.{key}" if path else str(key)
            if difference := _difference(then.get(key), now.get(key), inner):
                return difference
        return ""
    then, now = (list(x) if isinstance(x, tuple) else x for x in (then, now))
    try:
        return "" if then == now else f"{path} was {then!r}, and is now {now!r}"
    except RuntimeError:  # it contains tensors, or is too deep to compare or to write
        return f"{path} was {reprlib.repr(then)}, and is now {now!r}"
