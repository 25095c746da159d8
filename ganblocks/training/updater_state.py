"""The state dict of an updater: collected, checked and restored."""

from __future__ import annotations

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
from ganblocks.errors import GanBlocksWarning, RunError, listed
from ganblocks.randomness import random_state, set_random_state
from ganblocks.weights.io import fitting_weights

if TYPE_CHECKING:
    from ganblocks.training.updater import Updater

State = dict[str, Any]

_KEYS = ("steps", "settings", "networks", "optimizers", "averages", "scalers", "ranks")
_NOT_SETTINGS = ("params", "lr", "fused", "foreach", "capturable", "differentiable")


def local_state(updater: Updater) -> State:
    """Returns the state of this process alone: random state, buffers, the task's own state."""
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
    if missing := [key for key in _KEYS if key not in state]:
        raise RunError(
            f"{source} lacks {listed(missing)}: it is not a ganblocks checkpoint", see="resume"
        )
    local: State = state["ranks"][rank % len(state["ranks"])]
    _require_fitting(updater, state, local, source)
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
    updater.steps = int(state["steps"])
    # With a different number of processes, all start from the averaged buffers loaded above.
    if len(state["ranks"]) == DistributedContext.current().world_size:
        for buffer, value in zip(_buffers(updater), local["buffers"], strict=True):
            buffer.copy_(value)
    updater.task.load_state_dict(local["memory"], strict=False)
    set_random_state(local["random"], updater.device, source)
    now = _settings(updater)
    for setting, value in state["settings"].items():
        if value != now.get(setting):
            change = f"{setting} = {value}; training continues with {now.get(setting)}"
            warnings.warn(f"{source} has {change}", GanBlocksWarning, stacklevel=4)
    if rank >= len(state["ranks"]):  # it took another rank's state, but must draw other numbers
        drawn = int(torch.randint(2**62, ()))
        torch.manual_seed(seeded_generator(drawn, rank).initial_seed())


def _require_fitting(updater: Updater, state: State, local: State, source: str) -> None:
    parts: list[tuple[str, State, State]] = [
        ("network", state["networks"], dict(updater.networks)),
        ("optimizer", state["optimizers"], dict(updater.optimizers)),
        ("running average", state["averages"], dict(updater.averages)),
        ("state of the task", local["memory"], _task_state(updater)),
    ]
    for what, saved, now in parts:
        if differing := sorted(saved.keys() ^ now.keys()):
            verb = "has" if differing[0] in saved else "lacks"
            raise RunError(
                f"{source} {verb} the {what} {differing[0]!r}, unlike this training. Build the "
                "task and the updater as they were when the run started",
                see="resume",
            )
    for name, network in updater.networks.items():
        fitting_weights(network, state["networks"][name], source)


def _settings(updater: Updater) -> State:
    """Returns the settings that may differ on resume, with a warning."""
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

    Parameters that no player trains, such as those of a feature network, are built again.
    """
    task = updater.task
    fixed = {name for name, _ in task.named_parameters(remove_duplicate=False)}
    networks = tuple(f"{name}." for name in updater.networks)
    state = task.state_dict()
    return {k: x for k, x in state.items() if k not in fixed and not k.startswith(networks)}
