"""The callback of the health monitor: what it reads, and where its findings go."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

from torch import Tensor

from ganblocks.errors import HealthWarning
from ganblocks.health import Finding, HealthMonitor, probe_generator
from ganblocks.health.skipped import SkippedSteps
from ganblocks.runs import JsonLinesLogger
from ganblocks.tasks import Batch
from ganblocks.training.callback import Callback
from ganblocks.training.session import Training


class HealthCallback(Callback):
    """Reads a training's figures and outputs, and reports each problem once.

    A problem is reported as HealthWarning and as a line of the run's `health.jsonl`.
    """

    def __init__(self) -> None:
        self._monitor: HealthMonitor | None = None
        self._log: JsonLinesLogger | None = None
        self._skipped = SkippedSteps(scaled=False)

    def start(self, training: Training) -> None:
        """Opens the file, without findings of steps that will come again."""
        if training.context.is_main_process:
            players = training.task.players
            judges = players["discriminator"].networks if "discriminator" in players else ()
            self._monitor = HealthMonitor({name: training.task.network(name) for name in judges})
            self._log = JsonLinesLogger(training.run.health, resumed_at=training.step)
            self._skipped = SkippedSteps(scaled=training.updater.precision == "fp16")

    def step(self, training: Training, batch: Batch, figures: Mapping[str, Tensor]) -> None:
        """Keeps the figures of a step, on the device, and the names of its samples."""
        if self._log is not None:
            # Of several processes another one's samples may be the cause.
            names = batch.get("name", ()) if training.context.size == 1 else ()
            self._skipped.add(training.step, figures, [str(name) for name in names])

    def row(self, training: Training, row: Mapping[str, float]) -> None:
        """Looks at a row of the log."""
        if self._monitor is not None:
            self._report([*self._monitor.read(row), *self._skipped.findings()])

    def look(self, training: Training) -> None:
        """Looks at what the generator makes of a few held-out samples."""
        if self._monitor is None or training.task.probed is None:
            return
        name, key = training.task.probed
        sources = [batch[key][0] for batch in training.held_out()]
        probe = probe_generator(training.updater.inference_network(name), sources)
        self._report(self._monitor.read_probe(training.step, probe))

    def close(self) -> None:
        """Closes the file."""
        if self._log is not None:
            self._log.close()

    def _report(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if self._log is not None:
                self._log.log(finding._asdict())
            message = f"step {finding.step}: {finding.message}"
            warnings.warn(message, HealthWarning, stacklevel=5)
