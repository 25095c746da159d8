"""The state of a training run, for callbacks and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from ganblocks._version import __version__
from ganblocks.data.map_style import fingerprint
from ganblocks.data.picture_map import PictureMap
from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import RunError
from ganblocks.metrics import Metric
from ganblocks.runs import RunFolder
from ganblocks.tasks import Batch, Task
from ganblocks.training.batches import (
    advance_position,
    normalize_position,
    single_batch,
    steps_per_epoch,
)
from ganblocks.training.buffer_rules import averaged_buffers
from ganblocks.training.callback import Callback, Reporting
from ganblocks.training.options import TrainOptions
from ganblocks.training.resume_check import (
    require_same_run,
    spec_or_name,
    task_identity,
)
from ganblocks.training.state_check import require_like
from ganblocks.training.updater import Updater

GRID_ROWS = 4
_POSITION = {"epoch": 0, "samples_seen": 0, "best": None, "best_step": 0}


@dataclass
class Training:
    """The state of a training run, as callbacks see it.

    Attributes:
        updater: The updater, which owns the task.
        train: The training data.
        val: The held-out data.
        run: The run's folder.
        options: The options.
        callbacks: The callbacks.
        context: The processes that train together.
        epoch: Epoch of the next step, counting from 0.
        samples_seen: Samples of that epoch used so far, over all processes.
        scores: The latest held-out scores by column, for the next row of the log.
        best_metric: The metric that `options.best_by` names, unless it is a score of the task.
        best: The best score so far.
        best_step: The step of that score.
        best_name: Its name, from `options.best_by`.
        last_step: The step after which training ends.
        saved_step: The step of the last checkpoint.
        reporting: Turns errors of reporting callbacks into warnings.
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
    best_metric: Metric | None = None
    best: float | None = None
    best_step: int = 0
    best_name: str | None = None
    last_step: int = 0
    saved_step: int = 0
    reporting: Reporting = field(default_factory=Reporting)

    @property
    def task(self) -> Task:
        """The task."""
        return self.updater.task

    @property
    def step(self) -> int:
        """Number of completed steps."""
        return self.updater.steps

    @cached_property
    def data(self) -> dict[str, Any]:
        """The fingerprints of the data at the start, because files may vanish later."""
        return {"train": fingerprint(self.train), "val": fingerprint(self.val)}

    @property
    def samples_per_step(self) -> int:
        """Samples per step, over all processes."""
        return self.options.batch_size * self.context.world_size

    def set_last_step(self) -> None:
        """Sets `last_step`, and moves to the next epoch if too few samples are left for a step."""
        options, per_step, length = self.options, self.samples_per_step, len(self.train)
        # After a resume with more processes, the rest of an epoch may be too small for a step.
        position = normalize_position(self.epoch, self.samples_seen, length, per_step)
        self.epoch, self.samples_seen = position
        per_epoch = steps_per_epoch(length, per_step)
        in_this = (length - self.samples_seen) // per_step if self.samples_seen else per_epoch
        remaining = in_this + (options.epochs - self.epoch - 1) * per_epoch
        self.last_step = self.step + max(0, remaining)
        if options.steps is not None:
            self.last_step = min(options.steps, self.last_step)

    def advance(self) -> None:
        """Advances the position in the data by one step."""
        counts = (len(self.train), self.samples_per_step)
        self.epoch, self.samples_seen = advance_position(self.epoch, self.samples_seen, *counts)

    def stop(self) -> None:
        """Ends training after the next step, which logs, samples and saves as the last step."""
        self.last_step = min(self.last_step, self.step + 1)

    def is_due(self, interval: int) -> bool:
        """Returns whether the current step is a multiple of the interval, or the last step.

        Args:
            interval: Number of steps; 0 means only at the last step.
        """
        return self.step == self.last_step or bool(interval and self.step % interval == 0)

    def preview_batches(self) -> list[Batch]:
        """Returns a few held-out samples, evenly spaced, each as a batch of one."""
        count, device = min(GRID_ROWS, len(self.val)), self.updater.inference_device
        indices = [row * len(self.val) // count for row in range(count)]
        return [single_batch(self.val[index], device) for index in indices]

    def notify(self, event: str, *arguments: Any) -> None:
        """Calls a method of every callback.

        Args:
            event: Name of a method of `Callback`.
            *arguments: Its arguments after `training`.
        """
        for callback in self.callbacks:
            guards = callback.only_reports and event != "start"
            with self.reporting.by(type(callback).__name__) if guards else nullcontext():
                getattr(callback, event)(self, *arguments)

    def log(self, epoch: int, metrics: dict[str, float]) -> None:
        """Logs a row: step, epoch, metrics, learning rates and the latest scores.

        Args:
            epoch: The epoch, counting from 0; the log counts from 1.
            metrics: The metrics, by column.
        """
        rates = self.updater.learning_rates()
        self.notify(
            "log", {"step": self.step, "epoch": epoch + 1, **metrics, **rates, **self.scores}
        )
        self.scores = {}

    def describe(self) -> dict[str, Any]:
        """Returns the task, data, options and versions as JSON, for the run's `spec.json`."""
        return {
            "task": spec_or_name(self.task),
            "networks": {
                name: spec_or_name(self.updater.inference_network(name))
                for name in self.updater.networks
            },
            "data": self.data,
            "pictures": {
                name: {
                    **PictureMap.of_data(self.train, *keys).spec,
                    "direction": _direction(self.train, keys),
                    "reading": getattr(self.train, "reading", {}),
                }
                for name, keys in self.task.translates.items()
            },
            "options": self.options.to_dict(),
            "processes": self.context.world_size,
            "versions": {"ganblocks": __version__, "torch": torch.__version__},
        }

    def save(self) -> None:
        """Writes a checkpoint and the weights; every process must call it, but only rank 0 writes.

        Buffers, which differ between processes, are combined as `register_buffer_rule` describes;
        the live ones are unchanged.
        """
        updater, context = self.updater, self.context
        ranks = context.gather(updater.local_state())
        averages = [average.network for average in updater.averages.values()]
        buffers = averaged_buffers(*updater.networks.values(), *averages)
        local = [buffer.clone() for buffer in buffers] if context.world_size > 1 else []
        context.average(buffers)
        try:
            state = updater.state_dict(ranks or [])
            updater.gather_weights()
            if context.is_main_process:
                position = {
                    "step": self.step,
                    "epoch": self.epoch,
                    "samples_seen": self.samples_seen,
                    "best": self.best,
                    "best_step": self.best_step,
                    "best_name": self.best_name,
                    "task": task_identity(self.task),
                    "data": self.data["train"],
                }
                self.run.save_state({**state, **position}, keep_last=self.options.keep_last)
                for name in updater.networks:
                    self.run.save_weights(name, updater.inference_network(name))
            self.saved_step = self.step
        finally:
            for buffer, value in zip(buffers, local, strict=bool(local)):
                buffer.copy_(value)

    def load(self) -> None:
        """Resumes from the run's last checkpoint; every process must call it.

        Raises:
            RunError: The checkpoint belongs to another task or other data.
        """
        saved, source = self.run.load_state(), str(self.run.path)
        with self.run.reading():
            require_same_run(self.task, self.data["train"], saved, source)
            require_like({key: saved[key] for key in _POSITION if key in saved}, _POSITION, source)
            if type(saved["best"]) not in (float, int, type(None)):
                raise RunError(f"best in {source} is not a number: restore the file", see="resume")
            self.updater.load_state_dict(saved, source, rank=self.context.rank)
        self.epoch, self.samples_seen = saved["epoch"], saved["samples_seen"]
        self.best, self.best_step = saved["best"], saved["best_step"]
        self.best_name = saved.get("best_name")
        self.saved_step = self.step


def _direction(data: Any, keys: tuple[str, str]) -> str:
    """Returns the direction in which a network translates pairs, from the keys of a batch."""
    return "b2a" if keys == ("b", "a") else getattr(data, "direction", "a2b")
