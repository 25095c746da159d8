"""The metrics of the steps between two rows of the log."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from ganblocks.distributed.context import DistributedContext


class MetricBuffer:
    """Keeps the metrics of the steps on the device until the log reads them all at once."""

    def __init__(self, context: DistributedContext) -> None:
        self._context = context
        self._metrics: list[Mapping[str, Tensor]] = []
        self._seconds, self._samples = 0.0, 0
        self._start = time.perf_counter()

    def start_step(self) -> None:
        """Starts the clock of a step, which includes loading its batch."""
        self._start = time.perf_counter()

    def add(self, metrics: Mapping[str, Tensor], samples: int) -> None:
        """Adds the metrics of a step, and stops its clock."""
        self._metrics.append(metrics)
        self._samples += samples
        self._seconds += time.perf_counter() - self._start

    def pop_row(self) -> dict[str, float]:
        """Returns the latest value of each metric and the speed, and empties the buffer.

        A term that is not computed at every step keeps its last value; `skipped_`
        metrics are means over the steps.
        """
        start = time.perf_counter()
        latest: dict[str, Tensor] = {}
        for metrics in self._metrics:
            latest |= metrics
        for name in latest:
            if name.startswith("skipped_"):
                latest[name] = torch.stack([m[name] for m in self._metrics if name in m]).mean()
        values = torch.stack([v.float() for v in latest.values()] or [torch.zeros(())])
        self._context.average([values])
        numbers = values.tolist()  # waits for the device
        seconds = self._seconds + time.perf_counter() - start
        row = {**dict(zip(latest, numbers, strict=False)), "images_per_s": self._samples / seconds}
        self._metrics, self._samples, self._seconds = [], 0, 0.0
        return row
