"""The base class of penalties: (discriminator, real, fake, condition) → scalar."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError, require_count
from ganblocks.losses.functional import full_precision
from ganblocks.losses.images import require_two_images
from ganblocks.losses.logits import Logits
from ganblocks.registry import Registry

PENALTIES: Registry[Penalty] = Registry("penalties")
"""Penalties by name: (discriminator, real, fake, condition=None) → scalar."""

Discriminator = Callable[..., Logits]
"""Images (B, C, H, W), with the channels of any condition first → logits.

In `_penalty`, it takes (image, condition=…), where the batch's condition is the default.
"""


class Penalty(nn.Module, ABC):
    """Base class: a term of the discriminator's loss, computed in full precision.

    In the formulas, x are real images, x̃ fake ones, D their logits, and a bar is the mean; for
    norms, over the images.

    Args:
        interval: Lazy regularization: an `Objective` computes the penalty at every `interval`-th
            update of the discriminator and multiplies it by `interval`, which costs less at the
            same strength (Karras et al., 2020, appendix B). Calling the penalty directly ignores
            it.

    Attributes:
        batch_reduction: How the values of micro-batches combine into that of the whole batch:
            `"mean"`, or `"whole"` if they cannot be combined.

    Raises:
        OptionError: `interval` is not a positive integer.
    """

    batch_reduction = "mean"

    def __init__(self, *, interval: int = 1) -> None:
        super().__init__()
        require_count("interval", interval, least=1)
        self.interval = interval

    def due(self, update: int) -> bool:
        """Whether the penalty is applied at an update of the discriminator.

        Args:
            update: The update, counted from 0.
        """
        return update % self.interval == 0

    def forward(
        self,
        discriminator: Discriminator,
        real: Tensor,
        fake: Tensor,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Returns the penalty in full precision, not multiplied by `interval`.

        Args:
            discriminator: Returns logits. With batch norm, the gradient of an image depends on
                the other images of its batch (Gulrajani et al., 2017, section 4).
            real: Real images (B, C, H, W).
            fake: Fake images of the same shape; they are detached.
            condition: Conditions (B, C', H, W), concatenated before the image. Gradients are taken
                with respect to the image only.

        Returns:
            A scalar with gradients to the parameters of the discriminator.

        Raises:
            ShapeError: The images differ in shape or are empty.
            OptionError: The logits do not depend on the image, or an image is not a floating-point
                tensor.
        """
        require_two_images("a penalty", real=real, fake=fake)
        if real.dim() < 2:
            raise ShapeError(
                f"a penalty got images of shape {tuple(real.shape)}: pass (B, C, H, W)"
            )
        if condition is not None:
            if len(condition) != len(real) or condition.shape[2:] != real.shape[2:]:
                raise ShapeError(
                    f"condition {tuple(condition.shape)} does not fit images of "
                    f"{tuple(real.shape)}: pass one for each image, of the same size"
                )
            condition = condition.detach()

        def conditioned(image: Tensor, condition: Tensor | None = condition) -> Logits:
            return discriminator(image if condition is None else torch.cat((condition, image), 1))

        device = real.device.type
        real, fake = real.detach(), fake.detach()
        if torch.is_autocast_enabled(device):
            real, fake = full_precision(real), full_precision(fake)
        with torch.autocast(device, enabled=False), _uncompiled():
            return self._penalty(conditioned, real, fake, condition)

    @abstractmethod
    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor: ...


def _uncompiled() -> AbstractContextManager[object]:
    """Runs compiled networks in eager mode: compiled graphs have no second derivatives."""
    if "torch._dynamo" not in sys.modules:  # nothing has been compiled
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance
