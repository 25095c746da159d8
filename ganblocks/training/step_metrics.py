"""The metrics of one step, summed over its micro-batches on the device."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.losses import LossTerms


class StepMetrics:
    """Collects the metrics of a step: loss terms, totals, gradient norms."""

    def __init__(self, micro_batches: int) -> None:
        self._micro_batches = micro_batches
        self._values: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}
        self._players: dict[str, str] = {}  # by metric

    def add_terms(self, label: str, terms: LossTerms) -> None:
        """Adds a player's terms of one micro-batch."""
        count = self._micro_batches
        for name, value in terms.raw.items():
            self._add(f"loss_{label}_{name}", value, 1 if name in terms.summed else count)
        if terms.raw.keys() - terms.lazy:
            self._add(f"loss_{label}", terms.total(count, include_lazy=False), 1)
        for name, value in terms.metrics.items():
            if self._players.setdefault(name, label) != label:
                raise OptionError(
                    f"two players log the metric {name!r}: give each its own name, as "
                    "`terms.update(…, suffix)` does"
                )
            self._add(name, value, count)

    def measure_gradients(self, terms: LossTerms, scale: Tensor | None) -> None:
        """Measures the gradients at the terms' images during the next backward pass."""
        for name, image in terms.gradients.items():
            if image.requires_grad:
                self._squares.setdefault(name, torch.zeros((), device=image.device))
                image.register_hook(partial(self._add_square, name, scale))

    def set(self, name: str, value: Tensor) -> None:
        """Sets a metric of the whole step."""
        self._values[name] = value

    def scalars(self) -> dict[str, Tensor]:
        """Returns the metrics by name."""
        return {**self._values, **{name: x.sqrt() for name, x in self._squares.items()}}

    def _add(self, name: str, value: Tensor, divisor: int) -> None:
        value = value.detach() / divisor
        self._values[name] = self._values[name] + value if name in self._values else value

    def _add_square(self, name: str, scale: Tensor | None, gradient: Tensor) -> None:
        gradient = gradient if scale is None else gradient / scale
        self._squares[name] = self._squares[name] + gradient.float().square().sum()


def short_names(players: Iterable[str]) -> dict[str, str]:
    """Returns the shortest prefix of each name that no other name shares."""
    names = list(players)

    def is_shared(prefix: str, name: str) -> bool:
        return any(other.startswith(prefix) for other in names if other != name)

    prefixes = {name: [name[:n] for n in range(1, len(name) + 1)] for name in names}
    return {n: next((p for p in prefixes[n] if not is_shared(p, n)), n) for n in names}
