"""Adversarial losses: objects that make their own targets and only compute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import starmap
from math import isfinite

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError, require_fraction, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.logits import Logits, pairs_of, scales_of
from ganblocks.registry import Registry


class AdversarialLoss(ABC):
    """What both players minimize, given the discriminator's logits.

    In the losses' formulas r are the logits of real images, f those of generated ones, and a bar is
    the mean, or what `reduction` says.

    A loss of your own writes `_discriminator(self, real, fake)` and `_generator(self, fake)`, each
    for the logits of one scale; lists of scales are taken apart for it. It gives a scalar, or what
    `self.reduction` says if its constructor takes that; an `__init__` without it is simpler.

    Args:
        reduction: What is made of a scale's values: their `"mean"`, their `"sum"` (over the
            batch too), or `"none"`, a loss for every logit, which one scale alone can give.
        combine: Whether the losses of several scales are averaged, `"mean"`, so that they count
            alike however many logits each has (SPADE), or added, `"sum"` (pix2pixHD).

    Attributes:
        needs_real_logits: Whether `generator` wants the real logits too.

    Raises:
        OptionError: A word is none of these.
    """

    needs_real_logits = False
    # For a loss of another package that has no such arguments and averages.
    reduction = "mean"
    combine = "mean"

    def __init__(self, *, reduction: str = "mean", combine: str = "mean") -> None:
        require_one_of("reduction", reduction, functional.REDUCTIONS)
        require_one_of("combine", combine, ("mean", "sum"))
        self.reduction = reduction
        self.combine = combine

    @property
    def over_batch(self) -> str:
        """How the losses of a batch's parts combine to that of the whole: `"mean"` or `"sum"`."""
        return "sum" if self.reduction == "sum" else "mean"

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> Tensor:
        """Returns what the discriminator minimizes, a scalar unless the reduction is "none".

        Args:
            real_logits: Logits of real images, of any shape, or a list with a map for each scale.
            fake_logits: Logits of generated images, likewise.

        Raises:
            OptionError: The two lists have different numbers of scales, or there are several
                and nothing reduces them.
            ShapeError: There are no logits; or, unreduced, real and fake differ in shape.
        """
        pairs = self._pairs(real_logits, fake_logits)
        return self._combined(list(starmap(self._discriminator, pairs)))

    def generator(self, fake_logits: Logits, real_logits: Logits | None = None) -> Tensor:
        """Returns what the generator minimizes; relativistic losses want the real logits too.

        Args:
            fake_logits: Logits of generated images, of any shape, or a list with a map for each
                scale.
            real_logits: Logits of real images, where `needs_real_logits`; else not looked at.

        Raises:
            OptionError: Real logits are needed and were not given (see `needs_real_logits`), or
                there are several scales and nothing reduces them.
            ShapeError: There are no logits.
        """
        del real_logits
        return self._combined(list(map(self._generator, scales_of(fake_logits))))

    def _pairs(self, real_logits: Logits, fake_logits: Logits) -> list[tuple[Tensor, Tensor]]:
        pairs = pairs_of(real_logits, fake_logits)
        for real, fake in pairs if self.reduction == "none" else ():
            if real.shape != fake.shape:
                raise ShapeError(
                    f"real logits {tuple(real.shape)} and fake ones {tuple(fake.shape)} cannot be "
                    'added one by one: judge as many of both, or write reduction="mean"',
                    see="target-size",
                )
        return pairs

    def _combined(self, losses: list[Tensor]) -> Tensor:
        if len(losses) == 1:
            return losses[0]
        if self.reduction == "none":
            raise OptionError(
                f'{len(losses)} scales of logits with reduction="none": call the loss for each '
                'scale, or write reduction="mean"'
            )
        stacked = torch.stack(losses)
        return stacked.mean() if self.combine == "mean" else stacked.sum()

    @abstractmethod
    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns what the discriminator minimizes, of the logits of one scale."""

    @abstractmethod
    def _generator(self, fake: Tensor) -> Tensor:
        """Returns what the generator minimizes, of the logits of one scale."""


ADVERSARIAL_LOSSES: Registry[AdversarialLoss] = Registry("adversarial losses")
"""Adversarial losses by name."""


@ADVERSARIAL_LOSSES.register("vanilla")
class VanillaLoss(AdversarialLoss):
    r"""Binary cross-entropy on logits, non-saturating; the pix2pix paper's loss.

    $$L_D = \overline{\operatorname{softplus}(-r)} + \overline{\operatorname{softplus}(f)}, \quad
    L_G = \overline{\operatorname{softplus}(-f)}$$

    (Goodfellow et al., 2014, section 3).

    Args:
        label_smoothing: One-sided: the discriminator's target for real images is 1 minus this
            (Salimans et al., 2016, section 3.4). The other targets stay.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value, or the smoothing is outside [0, 1].

    Examples:
        >>> round(VanillaLoss().generator(torch.zeros(1, 1, 30, 30)).item(), 4)
        0.6931
    """

    def __init__(
        self, *, label_smoothing: float = 0.0, reduction: str = "mean", combine: str = "mean"
    ) -> None:
        require_fraction("label_smoothing", label_smoothing)
        super().__init__(reduction=reduction, combine=combine)
        self.label_smoothing = label_smoothing

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.vanilla_discriminator(
            real, fake, label_smoothing=self.label_smoothing, reduction=self.reduction
        )

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.vanilla_generator(fake, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("saturating")
class SaturatingLoss(VanillaLoss):
    r"""The minimax game itself: the generator minimizes log(1 − σ(f)) and stops where D is sure.

    $$L_G = -\overline{\operatorname{softplus}(f)}, \quad L_D \text{ as in the vanilla loss}$$

    (Goodfellow et al., 2014, equation 1). For study: the vanilla loss learns where this rests.

    Args:
        label_smoothing: As in `VanillaLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: As in `VanillaLoss`.

    Examples:
        >>> round(SaturatingLoss().generator(torch.zeros(4)).item(), 4)
        -0.6931
    """

    cannot = {"no_saturation": "the minimax game saturates, which is its point"}  # noqa: RUF012

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.saturating_generator(fake, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("lsgan")
class LSGANLoss(AdversarialLoss):
    r"""Least squares to the targets a of fake and b of real; the generator aims at c.

    $$L_D = \overline{(r - b)^2} + \overline{(f - a)^2}, \quad L_G = \overline{(f - c)^2}$$

    Twice the paper's, which has ½ before each (Mao et al., 2017, equation 2). a = −1, b = 1, c = 0
    minimizes Pearson's χ² divergence (section 3.3).

    Args:
        a: Target of fake logits.
        b: Target of real logits.
        c: What the generator wants its logits to be.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these, or a target is no number.

    Examples:
        >>> LSGANLoss().discriminator(torch.ones(4), torch.zeros(4)).item()
        0.0
    """

    def __init__(
        self,
        *,
        a: float = 0.0,
        b: float = 1.0,
        c: float = 1.0,
        reduction: str = "mean",
        combine: str = "mean",
    ) -> None:
        for name, target in {"a": a, "b": b, "c": c}.items():
            number = isinstance(target, int | float) and not isinstance(target, bool)
            if not number or not isfinite(target):
                raise OptionError(f"{name} is {target!r}: write a number, such as 1.0")
        super().__init__(reduction=reduction, combine=combine)
        self.a = a
        self.b = b
        self.c = c

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.lsgan_discriminator(
            real, fake, a=self.a, b=self.b, reduction=self.reduction
        )

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.lsgan_generator(fake, c=self.c, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("hinge")
class HingeLoss(AdversarialLoss):
    r"""Hinge: a logit beyond the margin of 1 teaches the discriminator nothing more.

    $$L_D = \overline{\max(0, 1 - r)} + \overline{\max(0, 1 + f)}, \quad L_G = -\overline{f}$$

    (Lim & Ye, 2017; Miyato et al., 2018, equations 16 and 17). The margin acts on the logits
    themselves: no tanh before it.

    Args:
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these.

    Examples:
        >>> HingeLoss().discriminator(torch.full((4,), 2.0), torch.full((4,), 0.5)).item()
        1.5
    """

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.hinge_discriminator(real, fake, reduction=self.reduction)

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.negative_logits(fake, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("wgan")
class WGANLoss(AdversarialLoss):
    r"""Wasserstein: logits are scores without bound, to be held by a penalty such as `wgan_gp`.

    $$L_D = \overline{f} - \overline{r}, \quad L_G = -\overline{f}$$

    (Arjovsky et al., 2017, equation 3). It does not clip weights.

    Args:
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these.

    Examples:
        >>> WGANLoss().discriminator(torch.full((4,), 3.0), torch.ones(4)).item()
        -2.0
    """

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return functional.wgan_discriminator(real, fake, reduction=self.reduction)

    def _generator(self, fake: Tensor) -> Tensor:
        return functional.negative_logits(fake, reduction=self.reduction)
