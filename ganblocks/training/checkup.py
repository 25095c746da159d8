"""Where a training meets its health monitor: what is read, and where the findings go."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.checkpoints import RunFolder
from ganblocks.data.base import Sample
from ganblocks.data.direction import source_and_target
from ganblocks.errors import HealthWarning
from ganblocks.losses import Objective
from ganblocks.training.health import (
    Finding,
    HealthMonitor,
    find_nonfinite,
    nonfinite_finding,
    probe_generator,
    stuck_finding,
)
from ganblocks.training.loggers import JsonLinesLogger
from ganblocks.training.sharding import is_sharded
from ganblocks.training.state import TrainState
from ganblocks.training.world import World

REMEMBERED = 4
"""Batches that are kept until the log is read, to look at one again whose step was left out."""


MOST_OVERFLOWS = 24
"""Steps in a row that fp16's loss scaler may take to halve its first scale, 65,536, to nothing."""


STUCK = 50
"""Steps in a row that changed nothing, after which no other is to be hoped for."""


class Checkup:
    """Reads a training's figures and pictures, and tells each illness once.

    A finding is warned of and written to the run's `health.jsonl`.

    Args:
        state: The training.
        objective: What is minimised.
        run: Its folder.
        precision: The number format of its networks.
        augment: What varies the images that the discriminator sees.
        accumulate: Parts that its batches are cut into.
    """

    def __init__(
        self,
        state: TrainState,
        objective: Objective,
        run: RunFolder,
        *,
        precision: str,
        augment: Augmentation | None,
        accumulate: int,
    ) -> None:
        self._state = state
        self._objective = objective
        self._precision = precision
        self._augment = augment
        self._accumulate = accumulate
        self._monitor = HealthMonitor(state.discriminator)
        self._batches: deque[tuple[int, Tensor, Tensor]] = deque(maxlen=REMEMBERED)
        self._told_of_steps = False
        self._in_a_row, self._last_skipped = 0, -1
        self._told_that_stuck = False
        writes = World.current().writes
        self._log = JsonLinesLogger(run.health, resumed_at=state.step) if writes else None

    def saw(self, step: int, source: Tensor, target: Tensor) -> None:
        """Remembers a batch for a while.

        Args:
            step: The step that it was of.
            source: Input images.
            target: The images to make of them.
        """
        self._batches.append((step, source, target))

    def read(self, row: Mapping[str, float], skipped: Mapping[int, Sequence[str]]) -> None:
        """Looks at a row of the log.

        Args:
            row: The row.
            skipped: Steps since the last row that updated nothing, with what was not finite.
        """
        self._tell(self._monitor.read(row))
        told = {step: names for step, names in skipped.items() if self._is_ill(step, names)}
        if told and not self._told_of_steps:
            self._tell([self._of_steps(told)])
        if self._in_a_row >= STUCK and not self._told_that_stuck:
            self._told_that_stuck = True
            self._tell([stuck_finding(int(row["step"]), self._in_a_row)])
        self._batches.clear()

    def look(self, samples: Sequence[Sample], direction: str) -> None:
        """Looks at what the generator makes of some pairs.

        Args:
            samples: The pairs.
            direction: `"a2b"` or `"b2a"`.
        """
        sources = [source_and_target(sample, direction)[0] for sample in samples]
        self._tell(
            self._monitor.look(self._state.step, probe_generator(self._state.result, sources))
        )

    def close(self) -> None:
        """Closes the file."""
        if self._log is not None:
            self._log.close()

    def _is_ill(self, step: int, names: Sequence[str]) -> bool:
        self._in_a_row = self._in_a_row + 1 if step == self._last_skipped + 1 else 1
        self._last_skipped = step
        # With fp16 a scale is found by overflows, of gradients alone and not for long.
        losses = any(name.startswith("loss_") for name in names)
        return losses or self._precision != "fp16" or self._in_a_row > MOST_OVERFLOWS

    def _of_steps(self, skipped: Mapping[int, Sequence[str]]) -> Finding:
        self._told_of_steps = True
        first = min(skipped)
        where = "its batch is no longer at hand (--log-every 1 keeps it until it is looked at)"
        for step, source, target in self._batches:
            if step in skipped:
                where = self._where(step, source, target)
                if step != first:
                    where = f"it came again in step {step}, where this was found: {where}"
                break
        terms = [name for name in skipped[first] if name.startswith("loss_")]
        return nonfinite_finding(first, terms, where, len(skipped))

    def _where(self, step: int, source: Tensor, target: Tensor) -> str:
        if is_sharded(self._state.generator):
            return "a sharded generator cannot be run again to find the layer"
        if self._log is None:
            return "the first process looks for it"
        try:
            return find_nonfinite(
                self._state,
                source,
                target,
                self._objective,
                precision=self._precision,
                augment=self._augment,
                accumulate=self._accumulate,
                step=step - 1,  # counted from 0
            )
        except torch.OutOfMemoryError:
            return "there is no memory to run it again and find the layer"

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if self._log is not None:
                self._log.log(finding._asdict())
                warnings.warn(
                    f"step {finding.step}: {finding.message}", HealthWarning, stacklevel=4
                )
