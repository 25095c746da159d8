"""The figures of one step, part by part of its batch, left on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.losses import LossTerms


class StepFigures:
    """Collects what a step's log shows: terms, totals, gradient norms."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._values: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}

    def note(self, label: str, terms: LossTerms) -> None:
        """Adds the terms of a player and a part."""
        for name, value in terms.raw.items():
            self._add(f"loss_{label}_{name}", value, 1 if name in terms.summed else self._parts)
        if terms.raw.keys() - terms.lazy:
            self._add(f"loss_{label}", terms.total(self._parts, include_lazy=False), 1)
        for name, value in terms.figures.items():
            self._add(name, value, self._parts)

    def watch(self, terms: LossTerms, scale: Tensor | None) -> None:
        """Measures the gradients to the terms' images in the backward pass to come."""
        for name, image in terms.gradients.items():
            if image.requires_grad:
                self._square(name, image, scale)

    def put(self, name: str, value: Tensor) -> None:
        """Sets a figure of the whole step."""
        self._values[name] = value

    def scalars(self) -> dict[str, Tensor]:
        """Returns the figures by name."""
        return {**self._values, **{name: x.sqrt() for name, x in self._squares.items()}}

    def _add(self, name: str, value: Tensor, share: int) -> None:
        value = value.detach() / share
        self._values[name] = self._values[name] + value if name in self._values else value

    def _square(self, name: str, image: Tensor, scale: Tensor | None) -> None:
        self._squares.setdefault(name, torch.zeros((), device=image.device))

        def add(gradient: Tensor) -> None:
            gradient = gradient if scale is None else gradient / scale
            self._squares[name] = self._squares[name] + gradient.float().square().sum()

        image.register_hook(add)
