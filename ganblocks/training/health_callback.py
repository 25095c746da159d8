"""The callback that runs the health monitor and reports its findings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import HealthWarning
from ganblocks.health import Finding, HealthMonitor, probe_generator
from ganblocks.health.skipped import SkippedSteps
from ganblocks.randomness import own_randomness
from ganblocks.runs import JsonLinesLogger
from ganblocks.tasks import Batch
from ganblocks.training.callback import Callback
from ganblocks.training.training import Training


@checked
class HealthCallback(Callback):
    """Checks the metrics and outputs of a run, and reports each problem once.

    A problem is reported as a `HealthWarning` and as a line in the run's `health.jsonl`.
    """

    only_reports = True

    def __init__(self) -> None:
        self._monitor: HealthMonitor | None = None
        self._log: JsonLinesLogger | None = None
        self._skipped = SkippedSteps(scaled=False)
        self._batches: list[Batch] = []

    def start(self, training: Training) -> None:
        """Opens the file, and removes findings of later steps."""
        if training.context.is_main_process:
            players = training.task.players
            names = players["discriminator"].networks if "discriminator" in players else ()
            self._monitor = HealthMonitor({name: training.task.network(name) for name in names})
            self._log = JsonLinesLogger(training.run.health, resumed_at=training.step)
            self._skipped = SkippedSteps(scaled=training.updater.precision == "fp16")

    def step(self, training: Training, batch: Batch, metrics: Mapping[str, Tensor]) -> None:
        """Keeps the batch and the metrics of a step, on the device."""
        if self._log is not None:
            self._batches = [batch]
            # With several processes, another one's samples may be the cause.
            names = batch.get("name", ()) if training.context.world_size == 1 else ()
            self._skipped.add(training.step, metrics, [str(name) for name in names])

    def log(self, training: Training, row: Mapping[str, float]) -> None:
        """Checks a row of the log."""
        if self._monitor is not None:
            self._report(training, [*self._monitor.read(row), *self._skipped.findings()])

    def sample(self, training: Training) -> None:
        """Checks the last batch, a few held-out samples, and the generator's outputs for them."""
        if self._monitor is None:
            return
        held_out = training.preview_batches()
        for batches in (self._batches, held_out):
            self._report(training, self._monitor.read_batches(training.step, batches))
        if training.task.probed is None:
            return
        name, key = training.task.probed
        with own_randomness(training.updater.device, training.options.seed):
            sources = [training.task.inputs(batch)[key][0] for batch in held_out]
        probe = probe_generator(training.updater.inference_network(name), sources)
        self._report(training, self._monitor.read_probe(training.step, probe))

    def _report(self, training: Training, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if self._log is not None:
                with training.reporting.by("health.jsonl"):
                    self._log.log(finding._asdict())
            message = f"step {finding.step}: {finding.message}"
            warnings.warn(message, HealthWarning, stacklevel=5)
