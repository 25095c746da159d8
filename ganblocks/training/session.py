"""A training while it runs: what callbacks see, and what its checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ganblocks._version import __version__
from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import RunError, SpecError
from ganblocks.registry import spec_of
from ganblocks.runs import RunFolder
from ganblocks.tasks import Batch, Task
from ganblocks.training.averaging import averaged_buffers
from ganblocks.training.batches import batch_of, batch_place, next_place, steps_per_epoch
from ganblocks.training.callback import Callback
from ganblocks.training.options import TrainOptions
from ganblocks.training.updater import Updater

ROWS = 4
"""Held-out samples of a grid."""


@dataclass
class Training:
    """A task in training, with all that a callback may look at.

    Attributes:
        updater: The updater, which owns the task.
        train: What it learns from.
        val: What is held out.
        run: The run's folder.
        options: How it trains.
        callbacks: What is called between the steps.
        context: The processes that train together.
        epoch: The epoch of the next step, from 0.
        samples_seen: Samples of that epoch that all processes together have used.
        scores: The newest held-out scores by column, for the next row of the log.
        best: The lowest value of `options.best_by` so far.
        best_step: Where it was.
        last: The step at which it ends.
    """

    updater: Updater
    train: Any
    val: Any
    run: RunFolder
    options: TrainOptions
    callbacks: Sequence[Callback]
    context: DistributedContext = field(default_factory=DistributedContext.current)
    epoch: int = 0
    samples_seen: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_step: int = 0
    last: int = 0

    @property
    def task(self) -> Task:
        """The task."""
        return self.updater.task

    @property
    def step(self) -> int:
        """Steps that were made."""
        return self.updater.steps

    @property
    def samples_per_step(self) -> int:
        """Samples of one step, of all processes together."""
        return self.options.batch_size * self.context.size

    def begin(self) -> None:
        """Finds the place of the next batch, and the step at which the training ends."""
        options, images, length = self.options, self.samples_per_step, len(self.train)
        # With another number of processes the rest of an epoch may be too small for a step.
        self.epoch, self.samples_seen = batch_place(
            self.epoch, self.samples_seen, length=length, images=images
        )
        per_epoch = steps_per_epoch(length, images)
        left_of_this = (length - self.samples_seen) // images if self.samples_seen else per_epoch
        left = left_of_this + (options.epochs - self.epoch - 1) * per_epoch
        self.last = self.step + max(0, left)
        if options.steps is not None:
            self.last = min(options.steps, self.last)

    def advance(self) -> None:
        """Moves the place of the next batch by one step."""
        self.epoch, self.samples_seen = next_place(
            self.epoch, self.samples_seen, length=len(self.train), images=self.samples_per_step
        )

    def stop(self) -> None:
        """Makes the next step the last one, with all that is due there."""
        self.last = min(self.last, self.step + 1)

    def due(self, interval: int) -> bool:
        """Whether something is due after this step: every `interval` steps, and at the last.

        Args:
            interval: Steps in between; 0 for the last step alone.
        """
        return self.step == self.last or bool(interval and self.step % interval == 0)

    def held_out(self) -> list[Batch]:
        """Returns a few held-out samples, evenly spaced, each as a batch of one."""
        count = min(ROWS, len(self.val))
        device = self.updater.inference_device
        return [batch_of(self.val[row * len(self.val) // count], device) for row in range(count)]

    def notify(self, event: str, *given: Any) -> None:
        """Calls every callback's method of that name.

        Args:
            event: A method of `Callback`.
            *given: Its arguments after `training`.
        """
        for callback in self.callbacks:
            getattr(callback, event)(self, *given)

    def log(self, epoch: int, figures: dict[str, float]) -> None:
        """Writes a row of the log: step, epoch, figures, learning rates and the newest scores.

        Args:
            epoch: The epoch, from 0.
            figures: Column → number.
        """
        rates = self.updater.learning_rates()
        self.notify("row", {"step": self.step, "epoch": epoch, **figures, **rates, **self.scores})
        self.scores = {}

    def describe(self) -> dict[str, Any]:
        """Returns what runs, as plain JSON, for the run's `spec.json`."""
        return {
            "task": _spec_or_name(self.task),
            "networks": {
                name: _spec_or_name(self.updater.inference_network(name))
                for name in self.updater.networks
            },
            "data": {"train": _fingerprint(self.train), "val": _fingerprint(self.val)},
            "options": self.options.plain(),
            "processes": self.context.size,
            "versions": {"ganblocks": __version__, "torch": torch.__version__},
        }

    def save(self) -> None:
        """Writes a checkpoint and the weights; every process calls it.

        Of several processes the first writes. Buffers, which each has for itself, are written as
        `average_rule` says, and stay as they are.
        """
        updater, context = self.updater, self.context
        ranks = context.gather(updater.own_state())
        averages = [average.network for average in updater.averages.values()]
        buffers = averaged_buffers(*updater.networks.values(), *averages)
        own = [buffer.clone() for buffer in buffers] if context.size > 1 else []
        context.average(buffers)
        try:
            saved = updater.state_dict(ranks or [])
            updater.gather()
            if context.is_main_process:
                self.run.save_state({**saved, **self._place()}, keep_last=self.options.keep_last)
                for name in updater.networks:
                    self.run.save_weights(name, updater.inference_network(name))
        finally:
            for buffer, value in zip(buffers, own, strict=bool(own)):
                buffer.copy_(value)

    def load(self) -> None:
        """Resumes from the run's last checkpoint; every process calls it.

        Raises:
            RunError: The checkpoint is of another task or of other data.
        """
        saved, source = self.run.load_state(), str(self.run.path)
        for what, was, now, remedy in [
            ("another task", saved.get("task"), _identity(self.task), "Build what it began with"),
            ("other data", saved.get("data"), _fingerprint(self.train), "Put its data back"),
        ]:
            if was is not None and (found := _difference(was, now)):
                raise RunError(
                    f"{source}: the checkpoint is of {what}: {found}. {remedy}, or start a new run",
                    see="resume",
                )
        self.updater.load_state_dict(saved, source, rank=self.context.rank)
        self.epoch, self.samples_seen = int(saved["epoch"]), int(saved["samples_seen"])
        self.best, self.best_step = saved["best"], int(saved["best_step"])

    def _place(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "epoch": self.epoch,
            "samples_seen": self.samples_seen,
            "best": self.best,
            "best_step": self.best_step,
            "task": _identity(self.task),
            "data": _fingerprint(self.train),
        }


def _fingerprint(data: Any) -> Any:
    """Returns what a dataset says of itself; of one that says nothing, class and length."""
    own = getattr(data, "fingerprint", None)
    return own() if own is not None else {"type": type(data).__name__, "samples": len(data)}


def _identity(task: Task) -> Any:
    """Returns what a resumed training must have in common: not rates, seeds or initial weights."""
    return _without(_spec_or_name(task), ("init", "seed", "optimizer", "discriminator_optimizer"))


def _spec_or_name(component: nn.Module) -> Any:
    """Returns the spec, or what can be said of one that has none."""
    try:
        return spec_of(component)
    except SpecError:
        named: dict[str, Any] = {"class": type(component).__name__}
    if isinstance(component, Task):
        named |= {name: _spec_or_name(part) for name, part in component.named_children()}
    elif isinstance(getattr(component, "weights", None), dict):  # an objective
        named["terms"] = sorted(component.weights)  # type: ignore[arg-type]
    return named


def _without(spec: Any, keys: Iterable[str]) -> Any:
    if isinstance(spec, dict):
        return {k: _without(x, keys) for k, x in spec.items() if k not in keys}
    return [_without(x, keys) for x in spec] if isinstance(spec, list | tuple) else spec


def _difference(was: Any, now: Any, path: str = "") -> str:
    """Names the first entry in which two plain specs differ, and both its values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in [*was, *(key for key in now if key not in was)]:
            inner = f"{path}.{key}" if path else str(key)
            if found := _difference(was.get(key), now.get(key), inner):
                return found
        return ""
    was, now = (list(x) if isinstance(x, tuple) else x for x in (was, now))
    return "" if was == now else f"{path} was {was!r}, and is {now!r}"
