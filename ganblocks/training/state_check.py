"""Compares a checkpoint with the live objects, before anything is changed."""

from __future__ import annotations

import copy
import reprlib
from collections import defaultdict
from collections.abc import Mapping
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import RunError

LARGEST = 2**53
"""Upper bound of counts in a checkpoint; floats are exact below it."""


def require_like(saved: Any, now: Any, source: str, where: str = "it") -> None:
    """Raises `RunError` unless a saved value has the structure and types of a live one.

    Args:
        saved: The saved value: tensors, numbers and strings, in lists and dictionaries.
        now: A value that fits: mappings have the same keys, lists the same length, tensors the same
            shape and dtype; numbers are at least 0. A type matches all of its values, and None
            everything.
        source: Where it was read from, for the message.
        where: Name of the part, for the message.

    Examples:
        >>> try:
        ...     require_like({"steps": True}, {"steps": 0}, "state.pt")
        ... except RunError as error:
        ...     print(str(error).partition(". ")[0])
        steps in state.pt is True, not a whole number from 0
    """
    if isinstance(now, type):
        _require(isinstance(saved, now), saved, f"of the type {now.__name__}", source, where)
    elif isinstance(now, Mapping):
        _require(isinstance(saved, Mapping), saved, "a dictionary", source, where)
        for key in [*now, *(key for key in saved if key not in now)]:
            if key not in saved or key not in now:
                verb = "has" if key in saved else "lacks"
                part = f"{key!r:.100}" + (f" in {where}" if where != "it" else "")
                raise _misfit(f"{source} {verb} {part}, unlike this training")
            name = str(key) if where == "it" else f"{where}.{key}"
            require_like(saved[key], now[key], source, name)
    elif isinstance(now, list):
        fits = isinstance(saved, list) and len(saved) == len(now)
        _require(fits, saved, f"a list of {len(now)}", source, where)
        for index, (one, other) in enumerate(zip(saved, now, strict=True)):
            require_like(one, other, source, f"{where}[{index}]")
    elif isinstance(now, Tensor):
        fits = (
            isinstance(saved, Tensor)
            and (saved.shape, saved.dtype, saved.layout) == (now.shape, now.dtype, torch.strided)
            and not saved.is_meta
        )
        _require(fits, saved, _shown(now), source, where)
    elif isinstance(now, int):
        fits = type(saved) is int and 0 <= saved < LARGEST
        _require(fits, saved, "a whole number from 0", source, where)
    elif isinstance(now, float):
        _require(_is_amount(saved), saved, "a finite number from 0", source, where)


def require_optimizer_state(saved: Any, optimizer: torch.optim.Optimizer, source: str) -> None:
    """Raises `RunError` unless an optimizer can step with a saved state.

    Fused kernels trust the shapes of the moments, and would write out of bounds.
    """
    require_like(saved, {"state": dict, "param_groups": list}, source)
    require_like(saved["param_groups"], [None] * len(optimizer.param_groups), source, "groups")
    for then, group in zip(
        saved["param_groups"], optimizer.state_dict()["param_groups"], strict=True
    ):
        _require(isinstance(then, Mapping), then, "a dictionary", source, "a parameter group")
        require_like(then.get("params"), group["params"], source, "params of a group")
        _require(then["params"] == group["params"], then["params"], "as now", source, "params")
        for rate in (then.get("lr"), then.get("initial_lr", 0.0)):
            _require(_is_amount(rate), rate, "a finite number from 0", source, "a learning rate")
    expected = _state_after_a_step(optimizer)
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    for index, entry in saved["state"].items():
        where = f"state {reprlib.repr(index)} of an optimizer"
        fits = type(index) is int and 0 <= index < count and isinstance(entry, Mapping)
        _require(fits, entry, f"a dictionary for one of {count} parameters", source, where)
        known = expected.get(index, {})
        for key in {**known, **entry} if entry else ():
            # Others may belong to an option that is now off, and are not used.
            like = known.get(key, entry.get(key) if isinstance(entry.get(key), Tensor) else 0.0)
            require_like(entry.get(key), like, source, f"{key} of {where}")


def _state_after_a_step(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Any]]:
    """Returns an optimizer's state of each parameter after its first step, on the meta device.

    It is empty if the optimizer cannot step there. Torch's optimizers with fused kernels can; all
    others check the shapes themselves.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    twins = {
        id(p): nn.Parameter(torch.empty(p.shape, dtype=p.dtype, device="meta")) for p in parameters
    }
    try:
        twin = copy.deepcopy(optimizer, {**twins, id(optimizer.state): defaultdict(dict)})
        for group in twin.param_groups:
            plain = dict.fromkeys({"fused", "foreach", "capturable"} & group.keys(), False)
            group.update(plain, lr=float(group["lr"]))
        for parameter in twins.values():
            parameter.grad = torch.zeros_like(parameter)
        twin.step()
    except Exception:  # a user's optimizer may raise anything
        return {}
    return {
        index: {k: x if x.dim() else 0.0 for k, x in entry.items() if isinstance(x, Tensor)}
        for index, entry in twin.state_dict()["state"].items()
    }  # counts are 0-dimensional tensors


def _is_amount(value: Any) -> bool:
    if isinstance(value, Tensor) and value.dim() == 0 and not value.is_meta:
        value = value.item()
    return type(value) in (int, float) and 0 <= value < LARGEST and isfinite(value)


def _require(fits: bool, saved: Any, kind: str, source: str, where: str) -> None:
    if not fits:
        raise _misfit(f"{where} in {source} is {_shown(saved)}, not {kind}")


def _misfit(message: str) -> RunError:
    remedy = "Build the task and the updater as they were when the run started"
    return RunError(f"{message}. {remedy}, or restore the file", see="resume")


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return reprlib.repr(value)
