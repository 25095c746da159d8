"""What a penalty is: (discriminator, real, fake, condition) → scalar for the discriminator."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError, require_count
from ganblocks.losses import functional
from ganblocks.losses.logits import Logits
from ganblocks.registry import Registry

PENALTIES: Registry[Penalty] = Registry("penalties")
"""Penalties by name: (discriminator, real, fake, condition=None) → scalar."""

Discriminator = Callable[[Tensor], Logits]
"""Images (B, C, H, W) → logits; the condition, where there is one, is the first channels."""

Judge = Callable[..., Logits]
"""An image, and a condition where it is not the one at hand → logits."""


class Penalty(nn.Module, ABC):
    """Adds to the discriminator's loss; runs the discriminator itself, in full precision.

    In the penalties' formulas x are real images, x̃ generated ones, D their logits, and a bar is the
    mean, over the images where norms stand below it.

    Args:
        interval: Lazy application: an `Objective` computes it at every `interval`-th step and
            multiplies it by `interval` there, which costs less and pulls as strongly (Karras et
            al., 2020, appendix B). The penalty itself is the same at every call.

    Attributes:
        over_batch: How its values of the parts of a batch combine to that of the whole batch:
            `"mean"`, or `"whole"` where they do not.

    Raises:
        OptionError: `interval` is no whole number above 0.
    """

    over_batch = "mean"

    def __init__(self, *, interval: int = 1) -> None:
        super().__init__()
        require_count("interval", interval, least=1)
        self.interval = interval

    def due(self, step: int) -> bool:
        """Tells whether it is to be applied at a step.

        Args:
            step: The step, counted from 0.
        """
        return step % self.interval == 0

    def forward(
        self,
        discriminator: Discriminator,
        real: Tensor,
        fake: Tensor,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Returns the penalty, in full precision, without the factor of a lazy one.

        Args:
            discriminator: Gives logits; one with batch norm mixes the images of a batch, and the
                gradients with them (Gulrajani et al., 2017, section 4).
            real: Real images (B, C, H, W).
            fake: Generated images of the same shape; no gradient reaches their generator.
            condition: What the discriminator sees before the image, (B, C', H, W). Gradients are
                taken with respect to the image, not the condition.

        Returns:
            A scalar that the discriminator's parameters can be trained on.

        Raises:
            ShapeError: The images differ in shape, or there are none.
            OptionError: The logits do not depend on the image.
        """
        shapes = {tuple(real.shape), tuple(fake.shape)}
        if len(shapes) > 1 or real.numel() == 0 or real.dim() < 2:
            raise ShapeError(
                f"a penalty got real images of shape {tuple(real.shape)} and fake ones of "
                f"{tuple(fake.shape)}: give as many of both, of one size"
            )
        if condition is not None and (
            len(condition) != len(real) or condition.shape[2:] != real.shape[2:]
        ):
            raise ShapeError(
                f"condition {tuple(condition.shape)} does not fit images of {tuple(real.shape)}: "
                "it takes one for each image, of the same size"
            )
        known = None if condition is None else condition.detach()

        def judge(image: Tensor, given: Tensor | None = known) -> Logits:
            return discriminator(image if given is None else torch.cat((given, image), 1))

        device = real.device.type
        real, fake = real.detach(), fake.detach()
        if torch.is_autocast_enabled(device):
            real, fake = functional.full_precision(real), functional.full_precision(fake)
        with torch.autocast(device, enabled=False), _uncompiled():
            return self._penalty(judge, real, fake, known)

    @abstractmethod
    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor: ...


def _uncompiled() -> AbstractContextManager[object]:
    """Runs compiled networks as they were written: a compiled graph has no second derivative."""
    if "torch._dynamo" not in sys.modules:  # nothing has been compiled
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance
