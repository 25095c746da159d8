"""An updater's state: what is written of it, and read back only where it fits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganblocks.data.seeding import seeded_generator
from ganblocks.distributed.context import DistributedContext
from ganblocks.distributed.sharding import (
    load_whole,
    load_whole_optimizer,
    whole_optimizer_state,
    whole_state_dict,
)
from ganblocks.errors import GanBlocksWarning, RunError, listed
from ganblocks.randomness import random_state, set_random_state
from ganblocks.weights.io import fitting_weights

if TYPE_CHECKING:
    from ganblocks.training.updater import Updater

State = dict[str, Any]

_KEYS = ("steps", "settings", "networks", "optimizers", "averages", "scalers", "ranks")
_NOT_SETTINGS = ("lr", "fused", "foreach", "capturable", "differentiable")


def own_state(updater: Updater) -> State:
    """Returns what each process has for itself: draws, buffers, and the task's memory."""
    return {
        "random": random_state(updater.device),
        "buffers": [buffer.clone() for buffer in _buffers(updater)],
        "memory": _memory(updater),
    }


def updater_state(updater: Updater, ranks: list[State]) -> State:
    """Returns everything that a resumed training needs."""
    return {
        "steps": updater.steps,
        "settings": _settings(updater),
        "networks": {name: whole_state_dict(n) for name, n in updater.networks.items()},
        "optimizers": {
            name: whole_optimizer_state(list(updater.task.networks(name).values()), optimizer)
            for name, optimizer in updater.optimizers.items()
        },
        "averages": {name: average.state_dict() for name, average in updater.averages.items()},
        "scalers": {name: scaler.state_dict() for name, scaler in updater.scalers.items()},
        "ranks": ranks,
    }


def load_updater_state(updater: Updater, state: State, source: str, rank: int) -> None:
    """Puts everything back as it was, if all of it fits."""
    own = _require_fitting(updater, state, source, rank)
    for name, network in updater.networks.items():
        load_whole(network, state["networks"][name], source)
    for name, optimizer in updater.optimizers.items():
        networks = list(updater.task.networks(name).values())
        load_whole_optimizer(networks, optimizer, state["optimizers"][name])
    for name, average in updater.averages.items():
        average.load_state_dict(state["averages"][name], source)
    for name, scaler in updater.scalers.items():
        if name in state["scalers"]:
            scaler.load_state_dict(state["scalers"][name])
    updater.gather()
    updater.steps = int(state["steps"])
    # Another number of processes begins with the averages of them all.
    if len(state["ranks"]) == DistributedContext.current().size:
        for buffer, value in zip(_buffers(updater), own["buffers"], strict=True):
            buffer.copy_(value)
    updater.task.load_state_dict(own["memory"], strict=False)
    set_random_state(own["random"], updater.device, source)
    _warn_of_other_settings(_settings(updater), state["settings"], source)
    if rank >= len(state["ranks"]):  # it has taken another's, and must not draw the same
        drawn = int(torch.randint(2**62, ()))
        torch.manual_seed(seeded_generator(drawn, rank).initial_seed())


def _require_fitting(updater: Updater, state: State, source: str, rank: int) -> State:
    """Returns this process's own part, once everything is known to fit."""
    if missing := [key for key in _KEYS if key not in state]:
        raise RunError(
            f"{source} lacks {listed(missing)}: it is not a checkpoint of ganblocks", see="resume"
        )
    own: State = state["ranks"][rank % len(state["ranks"])]
    parts: list[tuple[str, State, State]] = [
        ("network", state["networks"], dict(updater.networks)),
        ("optimizer", state["optimizers"], dict(updater.optimizers)),
        ("running average", state["averages"], dict(updater.averages)),
        ("memory of the task", own["memory"], _memory(updater)),
    ]
    for what, saved, now in parts:
        if differing := sorted(saved.keys() ^ now.keys()):
            which = "has" if differing[0] in saved else "lacks"
            raise RunError(
                f"{source} {which} the {what} {differing[0]!r}, unlike this training. Build the "
                "task and the updater as they were when the run began",
                see="resume",
            )
    for name, network in updater.networks.items():
        fitting_weights(network, state["networks"][name], source)
    return own


def _settings(updater: Updater) -> State:
    """Returns what may differ on resume, and is warned of then."""
    decay = next((average.decay for average in updater.averages.values()), None)
    settings: State = {"clip_norm": updater.clip_norm, "ema": decay}
    for name, optimizer in updater.optimizers.items():
        for key, value in optimizer.param_groups[0].items():
            value = list(value) if isinstance(value, tuple) else value
            plain = value is None or isinstance(value, int | float | str | list)
            if plain and key not in (*_NOT_SETTINGS, "params"):
                settings[f"{key.removeprefix('initial_')} of the {name}"] = value
    return settings


def _warn_of_other_settings(now: State, then: State, source: str) -> None:
    for setting, value in then.items():
        if value != now.get(setting):
            warnings.warn(
                f"{source} has {setting} = {value}, and continues with {now.get(setting)}",
                GanBlocksWarning,
                stacklevel=5,
            )


def _buffers(updater: Updater) -> list[Tensor]:
    averages = [average.network for average in updater.averages.values()]
    return [b for network in (*updater.networks.values(), *averages) for b in network.buffers()]


def _memory(updater: Updater) -> State:
    """Returns what the task holds beside its networks: buffers of losses, pools.

    Parameters that no player moves, as those of a feature network, are built again.
    """
    task = updater.task
    fixed = {name for name, _ in task.named_parameters(remove_duplicate=False)}
    networks = tuple(f"{name}." for name in updater.networks)
    state = task.state_dict()
    return {k: x for k, x in state.items() if k not in fixed and not k.startswith(networks)}
