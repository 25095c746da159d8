"""The figures of the steps between two rows of the log."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from ganblocks.distributed.context import DistributedContext


class MetricBuffer:
    """Keeps the figures of the steps on the device until the log reads them, all at once.

    Examples:
        >>> buffer = MetricBuffer(DistributedContext())
        >>> buffer.begin()
        >>> buffer.add({"loss_g": torch.tensor(0.5)}, samples=1)
        >>> buffer.row()["loss_g"]
        0.5
    """

    def __init__(self, context: DistributedContext) -> None:
        self._context = context
        self._figures: list[Mapping[str, Tensor]] = []
        self._seconds, self._samples = 0.0, 0
        self._began = time.perf_counter()

    def begin(self) -> None:
        """Starts the clock of a step, which counts fetching its batch."""
        self._began = time.perf_counter()

    def add(self, figures: Mapping[str, Tensor], samples: int) -> None:
        """Takes the figures of a step, and stops its clock."""
        self._figures.append(figures)
        self._samples += samples
        self._seconds += time.perf_counter() - self._began

    def row(self) -> dict[str, float]:
        """Returns the newest of each figure, with the speed of the steps alone, and begins anew.

        A term that is not due at every step is in the row where it was due since the last one;
        `skipped_` figures are the shares of the steps.
        """
        began = time.perf_counter()
        newest: dict[str, Tensor] = {}
        for figures in self._figures:
            newest |= figures
        for name in newest:
            if name.startswith("skipped_"):
                newest[name] = torch.stack([f[name] for f in self._figures if name in f]).mean()
        values = torch.stack([v.float() for v in newest.values()] or [torch.zeros(())])
        self._context.average([values])
        numbers = values.tolist()  # waits for the device
        seconds = self._seconds + time.perf_counter() - began
        row = {**dict(zip(newest, numbers, strict=False)), "images_per_s": self._samples / seconds}
        self._figures, self._samples, self._seconds = [], 0, 0.0
        return row
