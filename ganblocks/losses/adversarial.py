"""Adversarial losses: objects that make their own targets and only compute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import functional
from ganblocks.registry import Registry

Logits = Tensor | Sequence[Tensor]
"""The logits of one discriminator, of any shape, or a list with one map for each scale."""


class AdversarialLoss(ABC):
    """What both players minimise, given the discriminator's logits.

    Several scales count alike, however many logits each has.
    """

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> Tensor:
        """Scalar that the discriminator minimises.

        Raises:
            OptionError: The two lists have different numbers of scales.
            ShapeError: There are no logits.
        """
        real, fake = _scales(real_logits), _scales(fake_logits)
        if len(real) != len(fake):
            raise OptionError(
                f"{len(real)} scales of real logits and {len(fake)} of fake ones: give both from "
                "the same discriminator"
            )
        pairs = zip(real, fake, strict=True)
        return torch.stack([self._discriminator(r, f) for r, f in pairs]).mean()

    def generator(self, fake_logits: Logits, real_logits: Logits | None = None) -> Tensor:
        """Scalar that the generator minimises; relativistic losses want the real logits too.

        Raises:
            ShapeError: There are no logits.
        """
        del real_logits
        return torch.stack([self._generator(f) for f in _scales(fake_logits)]).mean()

    @abstractmethod
    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor: ...

    @abstractmethod
    def _generator(self, fake: Tensor) -> Tensor: ...


ADVERSARIAL_LOSSES: Registry[AdversarialLoss] = Registry("adversarial losses")
"""Adversarial losses by name."""


@ADVERSARIAL_LOSSES.register("vanilla")
class VanillaLoss(AdversarialLoss):
    """Binary cross-entropy on logits, non-saturating; the pix2pix paper's loss.

    Discriminator: mean softplus(−r) + mean softplus(f). Generator: mean softplus(−f).

    Example:
        >>> round(VanillaLoss().generator(torch.zeros(1, 1, 30, 30)).item(), 4)
        0.6931
    """

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.vanilla_discriminator(real, fake)

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.vanilla_generator(fake)


@ADVERSARIAL_LOSSES.register("lsgan")
class LSGANLoss(AdversarialLoss):
    """Least squares to the targets 1 and 0 (Mao et al., 2017).

    Discriminator: mean (r − 1)² + mean f². Generator: mean (f − 1)².

    Example:
        >>> LSGANLoss().discriminator(torch.ones(4), torch.zeros(4)).item()
        0.0
    """

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.lsgan_discriminator(real, fake)

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.lsgan_generator(fake)


def mean_logit(logits: Logits) -> Tensor:
    """Mean over each scale's logits, then over the scales: the figure that logs show.

    Example:
        >>> mean_logit([torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2)]).item()
        0.5
    """
    return torch.stack([scale.mean() for scale in _scales(logits)]).mean()


def _scales(logits: Logits) -> list[Tensor]:
    scales = [logits] if isinstance(logits, Tensor) else list(logits)
    if not scales or any(scale.numel() == 0 for scale in scales):
        raise ShapeError(
            "a loss got no logits: the image is too small for the discriminator (see its "
            "min_input_size), or the list is empty"
        )
    return [functional.full_precision(scale) for scale in scales]
