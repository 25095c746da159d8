"""A training step run again on copies, to see where it stops being finite."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganblocks.augment import Augmentation
from ganblocks.losses import Objective
from ganblocks.losses.schedule import weight_at
from ganblocks.training.halves import Halves
from ganblocks.training.health.tracing import Trace, count_nonfinite
from ganblocks.training.randomness import random_state, set_random_state
from ganblocks.training.state import TrainState
from ganblocks.training.step import require_target

PLAYERS = ("discriminator", "generator")  # in the order of their halves

Module = TypeVar("Module", bound=nn.Module)


class Rerun:
    """One batch, to be run through copies of a training as often as wanted.

    Each run takes the same draws; what is given stays as it is, and so does the random state.

    Args:
        state: The training.
        source: Input images (B, C, H, W).
        target: The images to make of them.
        precision: As in `train_step`.
        augment: As in `train_step`.
        parts: Parts that the batch is cut into.
        step: The step, from 0.
    """

    def __init__(
        self,
        state: TrainState,
        source: Tensor,
        target: Tensor,
        *,
        precision: str,
        augment: Augmentation | None,
        parts: int,
        step: int,
    ) -> None:
        self._state = state
        size = len(source) // parts
        self._parts = list(zip(source.split(size), target.split(size), strict=True))
        self._step = step
        self._moved = type(state.optimizer_d) is torch.optim.Adam  # others may ask for anything
        self._precision = precision
        self._augment = augment

    def fault(self, objective: Objective) -> str | None:
        """Says what is not finite in the step, or None.

        Args:
            objective: What is minimised.

        Raises:
            ShapeError: The generator's output has not the target's shape.
        """
        fault, player = self._first(objective)
        if fault and player and (guilty := self._guilty(objective, player)):
            return f"{fault}. It comes of the term {guilty!r}"
        return fault

    def _first(self, objective: Objective) -> tuple[str | None, str | None]:
        """Gives words on the first fault, and of a gradient whose it is."""
        device = self._state.device
        before = random_state(device)
        try:
            return self._run(_twin_of_state(self._state, self._step), twin_of(objective))
        finally:
            set_random_state(before, device, "this training")

    def _run(self, state: TrainState, objective: Objective) -> tuple[str | None, str | None]:
        trace = Trace()
        for name in PLAYERS:
            trace.follow(name, getattr(state, name))
        augment = copy.deepcopy(self._augment)
        parts = len(self._parts)
        halves = Halves(state, objective, precision=self._precision, augment=augment, parts=parts)
        for player in PLAYERS:
            for source, target in self._parts:
                with torch.enable_grad():
                    output = halves.made(source)
                    require_target(source, output, target)
                    if player == "discriminator":
                        halves.discriminate(source, target, output.detach())
                    else:
                        halves.generate(source, target, output)
                    if fault := trace.output or _in_terms(halves.figures):
                        return self._told(player, fault), None
                    if fault := _in_gradients(player, getattr(state, player)):
                        return self._told(player, trace.gradient or fault), player
            if player == "discriminator" and self._moved:
                halves.update(player)
        return None, None

    def _told(self, player: str, fault: str) -> str:
        """Adds what has come between: the generator is judged by a discriminator that has moved."""
        if player == "discriminator" or not self._moved or "`discriminator" not in fault:
            return fault
        rate = self._state.lr_discriminator
        return f"after the discriminator's own update, at the rate {rate:.3g}: {fault}"

    def _guilty(self, objective: Objective, player: str) -> str | None:
        """Finds the term without which the gradient is finite."""
        terms = objective.penalties if player == "discriminator" else objective.generator_terms
        weights = objective.weights
        live = [name for name in terms if weight_at(weights[name], self._step)]
        if player == "generator" and len(live) == 1:
            return live[0]
        for name in live:
            without = twin_of(objective)
            without.weights = {**weights, name: 0.0}
            if self._first(without)[1] != player:
                return name
        return None


def twin_of(module: Module) -> Module:
    """Copies a module: with the same weights in memory, and gradients and buffers of its own.

    Args:
        module: Any module.

    Examples:
        >>> layer = nn.Linear(2, 1)
        >>> twin = twin_of(layer)
        >>> twin(torch.ones(2)).sum().backward()
        >>> twin.weight.data_ptr() == layer.weight.data_ptr(), layer.weight.grad is None
        (True, True)
    """
    shared = {
        id(p): nn.Parameter(p.detach(), requires_grad=p.requires_grad) for p in module.parameters()
    }
    return copy.deepcopy(module, shared)


def _twin_of_state(state: TrainState, step: int) -> TrainState:
    """Copies what a step changes, and leaves out what is made of several processes or compiled."""
    # The discriminator is updated in the middle of a step, and its copy so has weights of its own.
    twin = TrainState(twin_of(state.generator), copy.deepcopy(state.discriminator))
    twin.clip_norm = state.clip_norm
    if type(state.optimizer_d) is type(twin.optimizer_d):
        twin.optimizer_d.load_state_dict(copy.deepcopy(state.optimizer_d.state_dict()))
    twin.step, twin.pool = step, copy.deepcopy(state.pool)
    for name, scaler in state.scalers.items():
        twin.scalers[name] = torch.amp.GradScaler(
            state.device.type, init_scale=scaler.get_scale(), enabled=scaler.is_enabled()
        )
    return twin


def _in_terms(figures: Mapping[str, Tensor]) -> str | None:
    for name, value in sorted(figures.items(), key=lambda item: item[0] == "loss_d"):  # total last
        if name.startswith("loss_") and count_nonfinite(value):
            return f"the loss term `{name}` is {value.item()}; what the networks gave is finite"
    return None


def _in_gradients(player: str, network: nn.Module) -> str | None:
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and (count := count_nonfinite(parameter.grad)):
            return (
                f"the gradient of the weight `{player}.{name}`, {count:,} of its "
                f"{parameter.numel():,} values; all outputs, losses and other gradients are finite"
            )
    return None
