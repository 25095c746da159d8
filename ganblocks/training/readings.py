"""The log's rows, and what is read of the steps between two of them."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from ganblocks.training.state import TrainState
from ganblocks.training.world import World


class Readings:
    """Keeps the figures of the steps on the device until the log reads them, all at once.

    Args:
        world: The processes whose figures are averaged.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps: list[tuple[int, dict[str, Tensor]]] = []
        self._clock, self._images = time.perf_counter(), 0

    def add(self, step: int, figures: dict[str, Tensor], images: int) -> None:
        """Takes the figures of a step.

        Args:
            step: Its number, from 1.
            figures: What `train_step` gave.
            images: Images that it saw, in all processes together.
        """
        self._steps.append((step, figures))
        self._images += images

    def skipped(self) -> dict[int, list[str]]:
        """Gives the steps since the last row that updated nothing, each with what was not finite.

        Examples:
            >>> readings = Readings(World())
            >>> figures = {"loss_g_l1": torch.tensor(float("nan")), "skipped": torch.tensor(1.0)}
            >>> readings.add(1, figures, images=1)
            >>> readings.skipped()
            {1: ['loss_g_l1']}
        """
        flags = torch.stack([figures["skipped"] for _, figures in self._steps]).tolist()
        return {
            step: [name for name, value in figures.items() if not value.isfinite()]
            for (step, figures), flag in zip(self._steps, flags, strict=True)
            if flag
        }

    def row(self, state: TrainState, epoch: int) -> dict[str, float | int]:
        """Gives the newest of each figure, with the rates and the speed, and begins anew.

        A term that is not due at every step is in the row where it was due since the last one.

        Args:
            state: The training.
            epoch: The epoch of the last step.
        """
        newest: dict[str, Tensor] = {}
        for _, figures in self._steps:
            newest |= figures
        values = torch.stack([v.float() for v in newest.values()])
        self._world.average([values])
        now = time.perf_counter()
        row: dict[str, float | int] = {
            **dict(zip(newest, values.tolist(), strict=True)),
            "step": state.step,
            "epoch": epoch,
            "lr": state.lr,
            "lr_d": state.lr_discriminator,
            "images_per_s": self._images / (now - self._clock),
        }
        self._steps, self._images, self._clock = [], 0, now
        return row
