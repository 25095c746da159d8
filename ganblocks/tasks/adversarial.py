"""Shared parts of tasks: an objective over a discriminator, and tasks with one generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.augment import AUGMENTATIONS
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import OptionError, ShapeError
from ganblocks.generators import GENERATORS
from ganblocks.losses import LossTerms, Objective
from ganblocks.losses.logits import Logits
from ganblocks.registry import ComponentLike
from ganblocks.tasks.base import Player, Task, built
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import logit_metrics

ADAM = {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}


@dataclass(frozen=True)
class Adversary:
    """An objective with its discriminator, which sees augmented images with their condition.

    Attributes:
        objective: The losses of both players.
        discriminator: Returns the logits of images, with any condition concatenated first.
        augment: Augmentation of the discriminator's inputs, or None.
        pool: Pool of previously generated images, or None.
        step: The step, from 0.
        update: The discriminator's update, from 0; None if it has one at each step.
    """

    objective: Objective
    discriminator: Callable[[Tensor], Logits]
    augment: nn.Module | None = None
    pool: ImagePool | None = None
    step: int = 0
    update: int | None = None

    def discriminator_terms(
        self, real: Tensor, fake: Tensor, condition: Tensor | None = None
    ) -> LossTerms:
        """Returns the discriminator's terms, with the metrics of its logits.

        Args:
            real: Real images (B, C, H, W).
            fake: Generated images, detached.
            condition: Images that the discriminator sees before each image.
        """
        if not self.objective.needs_discriminator:
            return LossTerms()
        given: tuple[Tensor, ...] = () if condition is None else (condition,)
        pooled = () if self.pool is None else self.pool.exchange(*given, fake)
        images = self._augmented(*given, real, fake, *pooled)
        given, real, fake = images[: len(given)], *images[len(given) :][:2]
        pooled = images[len(given) + 2 :]
        # Penalties need real and fake images with the same condition, unlike pooled images.
        fake_logits = self._logits(*(pooled or (*given, fake)))
        real_logits = self._logits(*given, real)
        terms = self.objective.discriminator(
            real_logits,
            fake_logits,
            step=self.step,
            update=self.update,
            discriminator=self.discriminator,
            real=real,
            fake=fake,
            condition=given[0] if given else None,
        )
        terms.metrics = logit_metrics(real_logits, fake_logits)
        return terms

    def generator_terms(
        self,
        fake: Tensor,
        real: Tensor,
        condition: Tensor | None = None,
        target: Tensor | None = None,
        **others: Any,
    ) -> LossTerms:
        """Returns the generator's terms, with the gradients at its output.

        Args:
            fake: Generated images (B, C, H, W).
            real: Real images.
            condition: Images that the discriminator sees before each image.
            target: Images that reconstruction and feature losses compare `fake` with.
            **others: Other arguments of `Objective.generator`.
        """
        given = () if condition is None else (condition,)
        seen = fake.view_as(fake)  # a separate node: its gradient comes from D alone
        fake_logits: Logits = []
        real_logits = None
        if self.objective.needs_logits(self.step):
            *varied, real, augmented = self._augmented(*given, real, seen)
            fake_logits = self._logits(*varied, augmented)
            if self.objective.needs_real_logits:
                real_logits = self._logits(*varied, real)

        def features(image: Tensor) -> Any:
            return self._features(*given, seen if image is fake else image)

        terms = self.objective.generator(
            fake_logits,
            real_logits,
            fake=fake,
            target=target,
            features=features,
            step=self.step,
            **others,
        )
        terms.gradients["grad_image"] = fake
        if self.objective.needs_discriminator:
            terms.gradients["grad_image_d"] = seen
        return terms

    def _logits(self, *images: Tensor) -> Logits:
        return self.discriminator(_joined(*images))

    def _features(self, *images: Tensor) -> Any:
        maps: Callable[[Tensor], Any] | None = getattr(self.discriminator, "features", None)
        if maps is None:
            raise OptionError(
                f"a feature loss compares feature maps of the discriminator, but "
                f"{type(self.discriminator).__name__} has no method `features`: add one "
                "that maps (B, C, H, W) to a tuple of feature maps, with the logits last"
            )
        return maps(_joined(*images))

    def _augmented(self, *images: Tensor) -> tuple[Tensor, ...]:
        return images if self.augment is None else self.augment(*images)


class AdversarialTask(Task):
    """Base class: one generator and one discriminator, and the objective of both.

    Args:
        generator: The generator, from `GENERATORS`.
        discriminator: The discriminator, from `DISCRIMINATORS`.
        objective: The losses of both players, or their spec.
        augment: Augmentation of the discriminator's inputs, with new draws for each player.
        optimizer: The generator's optimizer, from `OPTIMIZERS`.
        discriminator_optimizer: The discriminator's optimizer; if None, the same as the
            generator's. Using two learning rates is the two time-scale update rule (Heusel et al.,
            NeurIPS 2017).
    """

    averaged = ("generator",)
    sharded = ("generator",)

    def __init__(
        self,
        generator: ComponentLike | nn.Module,
        discriminator: ComponentLike | nn.Module,
        objective: Objective | Mapping[str, Any],
        *,
        augment: ComponentLike | nn.Module | None = None,
        optimizer: ComponentLike = ADAM,
        discriminator_optimizer: ComponentLike | None = None,
    ) -> None:
        super().__init__()
        self.generator = built(generator, GENERATORS)
        self.discriminator = built(discriminator, DISCRIMINATORS)
        self.objective = Objective.of(objective)
        self.augment = None if augment is None else built(augment, AUGMENTATIONS)
        self.players = two_players(
            ("discriminator",), ("generator",), optimizer, discriminator_optimizer
        )
        self._check_networks()

    def _check_networks(self) -> None:
        """Raises `OptionError` if the networks do not fit together."""

    def _adversary(
        self, discriminator: Callable[[Tensor], Logits] | None = None, pool: ImagePool | None = None
    ) -> Adversary:
        discriminator = self.discriminator if discriminator is None else discriminator
        update = discriminator_update(self)
        return Adversary(self.objective, discriminator, self.augment, pool, self.step, update)


def discriminator_update(task: Task) -> int | None:
    """Returns which update of the discriminator a task's step is; None without such a player."""
    player = task.players.get("discriminator")
    return None if player is None else player.updates(task.step)


def two_players(
    discriminators: tuple[str, ...],
    generators: tuple[str, ...],
    optimizer: ComponentLike,
    discriminator_optimizer: ComponentLike | None,
) -> dict[str, Player]:
    """Returns the players of a GAN; the discriminator is updated first."""
    second = optimizer if discriminator_optimizer is None else discriminator_optimizer
    return {
        "discriminator": Player(*discriminators, optimizer=second),
        "generator": Player(*generators, optimizer=optimizer),
    }


def _joined(*images: Tensor) -> Tensor:
    if len(images) == 1:
        return images[0]
    condition, image = images
    if condition.shape[2:] != image.shape[2:]:
        raise ShapeError(
            f"a conditional discriminator concatenates source {tuple(condition.shape)} and "
            f"image {tuple(image.shape)}: make their height and width equal, or write "
            "conditional=False"
        )
    return torch.cat((condition, image), 1)
