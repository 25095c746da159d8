"""The state dict of an updater: collected, checked and restored."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganblocks.data.seeding import seeded_generator
from ganblocks.distributed.context import DistributedContext
from ganblocks.distributed.sharding import (
    full_optimizer_state,
    full_state_dict,
    load_full_optimizer_state,
    load_full_state_dict,
)
from ganblocks.errors import GanBlocksWarning, RunError
from ganblocks.randomness import random_state, require_random_state, set_random_state
from ganblocks.training.ema import EMA_STATE
from ganblocks.training.state_check import require_like, require_optimizer_state
from ganblocks.weights.io import fitting_weights

if TYPE_CHECKING:
    from ganblocks.training.updater import Updater

State = dict[str, Any]

_PLAIN = (bool, int, float, str, type(None))
_NOT_SETTINGS = ("params", "lr", "fused", "foreach", "capturable", "differentiable")


def local_state(updater: Updater) -> State:
    """Returns the state of this process: random state, buffers, the task's own state."""
    return {
        "random": random_state(updater.device),
        "buffers": [buffer.clone() for buffer in _buffers(updater)],
        "memory": _task_state(updater),
    }


def updater_state(updater: Updater, ranks: list[State]) -> State:
    """Returns everything needed to resume training."""
    return {
        "steps": updater.steps,
        "settings": _settings(updater),
        "networks": {name: full_state_dict(n) for name, n in updater.networks.items()},
        "optimizers": {
            name: full_optimizer_state(list(updater.task.networks(name).values()), optimizer)
            for name, optimizer in updater.optimizers.items()
        },
        "averages": {name: average.state_dict() for name, average in updater.averages.items()},
        "scalers": {name: scaler.state_dict() for name, scaler in updater.scalers.items()},
        "ranks": ranks,
    }


def load_updater_state(updater: Updater, state: State, source: str, rank: int) -> None:
    """Restores a state dict, if all of it fits."""
    local = _require_fitting(updater, state, source, rank)
    _load_task_state(updater, local["memory"], source)  # the only part that may still fail
    for name, network in updater.networks.items():
        load_full_state_dict(network, state["networks"][name], source)
    for name, optimizer in updater.optimizers.items():
        networks = list(updater.task.networks(name).values())
        load_full_optimizer_state(networks, optimizer, state["optimizers"][name])
    for name, average in updater.averages.items():
        average.load_state_dict(state["averages"][name], source)
    for name, scaler in updater.scalers.items():
        if name in state["scalers"]:
            scaler.load_state_dict(state["scalers"][name])
    updater.gather_weights()
    updater.steps = state["steps"]
    # With a different number of processes, all start from the averaged buffers loaded above.
    if len(state["ranks"]) == DistributedContext.current().world_size:
        for buffer, value in zip(_buffers(updater), local["buffers"], strict=True):
            buffer.copy_(value)
    set_random_state(local["random"], updater.device, source)
    now = _settings(updater)
    for setting, value in state["settings"].items():
        if value != now.get(setting):
            change = f"{setting} = {value}; training continues with {now.get(setting)}"
            warnings.warn(f"{source} has {change}", GanBlocksWarning, stacklevel=4)
    if rank >= len(state["ranks"]):  # it has another rank's state, but must draw other numbers
        drawn = int(torch.randint(2**62, ()))
        torch.manual_seed(seeded_generator(drawn, rank).initial_seed())


def _require_fitting(updater: Updater, state: State, source: str, rank: int) -> State:
    """Compares a state with the live objects, and returns this process's part."""
    known = {
        "steps": 0,
        "settings": dict,
        "networks": dict.fromkeys(updater.networks),
        "optimizers": dict.fromkeys(updater.optimizers),
        "averages": dict.fromkeys(updater.averages, EMA_STATE),
        "scalers": dict,
        "ranks": list,
    }
    require_like({key: state[key] for key in known if key in state}, known, source)
    for name, network in updater.networks.items():
        fitting_weights(network, state["networks"][name], source)
    for name, average in updater.averages.items():
        fitting_weights(average.network, state["averages"][name]["network"], source)
    for name, optimizer in updater.optimizers.items():
        require_optimizer_state(state["optimizers"][name], optimizer, source)
    for setting, value in state["settings"].items():
        if not all(isinstance(x, _PLAIN) for x in (value if isinstance(value, list) else [value])):
            raise RunError(
                f"{setting} in {source} is not a plain value: restore the file", see="resume"
            )
    for name, scaler in updater.scalers.items():
        if name in state["scalers"]:  # the precision may have changed
            require_like(state["scalers"][name], scaler.state_dict(), source, "a scaler")
    require_like(state["ranks"], [None] * max(1, len(state["ranks"])), source, "ranks")
    local: State = state["ranks"][rank % len(state["ranks"])]
    memory = {k: x if isinstance(x, Tensor) else None for k, x in _task_state(updater).items()}
    known = {"random": dict, "buffers": _buffers(updater), "memory": memory}
    require_like(local, known, source)
    require_random_state(local["random"], updater.device, source)
    return local


def _load_task_state(updater: Updater, memory: State, source: str) -> None:
    """Restores the task's state outside its networks; unchanged if an extra state is rejected."""
    before = copy.deepcopy(_task_state(updater))
    try:
        updater.task.load_state_dict(memory, strict=False)
    except Exception as error:  # of a module's set_extra_state
        updater.task.load_state_dict(before, strict=False)
        raise RunError(
            f"{source} does not fit the task ({type(error).__name__}: {error}): restore the file",
            see="resume",
        ) from None


def _settings(updater: Updater) -> State:
    decay = next((average.decay for average in updater.averages.values()), None)
    settings: State = {"clip_norm": updater.clip_norm, "ema": decay}
    for name, optimizer in updater.optimizers.items():
        for key, value in optimizer.param_groups[0].items():
            value = list(value) if isinstance(value, tuple) else value
            is_plain = value is None or isinstance(value, int | float | str | list)
            if is_plain and key not in _NOT_SETTINGS:
                settings[f"{key.removeprefix('initial_')} of the {name}"] = value
    return settings


def _buffers(updater: Updater) -> list[Tensor]:
    averages = [average.network for average in updater.averages.values()]
    return [b for network in (*updater.networks.values(), *averages) for b in network.buffers()]


def _task_state(updater: Updater) -> State:
    """Returns the task's state outside its networks: buffers of losses, image pools.

    Parameters that no player trains, such as a feature network's, are not included.
    """
    task = updater.task
    fixed = {name for name, _ in task.named_parameters(remove_duplicate=False)}
    networks = tuple(f"{name}." for name in updater.networks)
    state = task.state_dict()
    return {k: x for k, x in state.items() if k not in fixed and not k.startswith(networks)}
