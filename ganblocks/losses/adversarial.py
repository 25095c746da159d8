"""Adversarial losses: pure functions of the logits, without target labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import signature
from itertools import starmap
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import OptionError, ShapeError, require_fraction, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.logits import Logits, pairs_of, scales_of
from ganblocks.registry import Registry


class AdversarialLoss(ABC):
    """Base class: the losses of discriminator and generator as functions of the logits.

    In the formulas, r are the logits of real images, f those of fake ones, and a bar is the mean,
    or the given `reduction`.

    To write your own loss, implement `_discriminator(self, real_logits, fake_logits)` and
    `_generator(self, fake_logits)`, which get the logits of one scale and return a scalar. If the
    generator's loss compares fake logits with real ones, set `needs_real_logits = True` and
    implement `_generator(self, fake_logits, real_logits)`. A constructor need not take `reduction`,
    but if it does, the loss must apply it.

    Args:
        reduction: How the values of one scale are reduced: `"mean"`, `"sum"` (over the batch
            too), or `"none"`, which keeps one loss for each logit and takes a single scale.
        combine: How the losses of several scales are combined: `"mean"`, so that all scales
            count equally (SPADE), or `"sum"` (pix2pixHD).

    Attributes:
        needs_real_logits: Whether `generator` also takes the real logits.

    Raises:
        OptionError: An argument has an invalid value.
    """

    needs_real_logits = False
    # Defaults for subclasses that do not call __init__.
    reduction = "mean"
    combine = "mean"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.generator is not AdversarialLoss.generator:  # it may call _generator as it likes
            return
        expected = ("fake_logits", "real_logits") if cls.needs_real_logits else ("fake_logits",)
        try:
            signature(cls._generator).bind("self", *expected)
        except TypeError as error:
            raise OptionError(
                f"{cls.__name__} has needs_real_logits = {cls.needs_real_logits}, and its "
                f"_generator has other parameters ({error}): write needs_real_logits = "
                "True and _generator(self, fake_logits, real_logits), or False and "
                "_generator(self, fake_logits)",
                see="needs-real-logits",
            ) from None

    def __init__(self, *, reduction: str = "mean", combine: str = "mean") -> None:
        require_one_of("reduction", reduction, functional.REDUCTIONS)
        require_one_of("combine", combine, ("mean", "sum"))
        self.reduction = reduction
        self.combine = combine

    @property
    def batch_reduction(self) -> str:
        """How losses of micro-batches combine into the batch's loss: `"mean"` or `"sum"`."""
        return "sum" if self.reduction == "sum" else "mean"

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> Tensor:
        """Returns the discriminator's loss, a scalar unless `reduction="none"`.

        Args:
            real_logits: Logits of real images, of any shape, or a list with a tensor for each
                scale.
            fake_logits: Logits of fake images, in the same form.

        Raises:
            OptionError: The numbers of scales differ, or there are several scales with
                `reduction="none"`.
            ShapeError: There are no logits; or, with `reduction="none"`, real and fake logits
                differ in shape.
        """
        pairs = self._pairs(real_logits, fake_logits)
        return self._combine(list(starmap(self._discriminator, pairs)))

    def generator(self, fake_logits: Logits, real_logits: Logits | None = None) -> Tensor:
        """Returns the generator's loss.

        Args:
            fake_logits: Logits of fake images, of any shape, or a list with a tensor for each
                scale.
            real_logits: Logits of real images if `needs_real_logits`, else ignored.

        Raises:
            OptionError: Required real logits are missing, the numbers of scales differ, or there
                are several scales with `reduction="none"`.
            ShapeError: There are no logits.
        """
        if not self.needs_real_logits:
            return self._combine(list(map(self._generator, scales_of(fake_logits))))
        if real_logits is None:
            raise OptionError(
                f"{type(self).__name__}'s generator loss compares fake logits with real "
                "ones: write loss.generator(fake_logits, real_logits)",
                see="needs-real-logits",
            )
        pairs = self._pairs(real_logits, fake_logits)
        return self._combine([self._generator(fake, real) for real, fake in pairs])

    def _pairs(self, real_logits: Logits, fake_logits: Logits) -> list[tuple[Tensor, Tensor]]:
        pairs = pairs_of(real_logits, fake_logits)
        for real, fake in pairs:
            if self.reduction == "none" and real.shape != fake.shape:
                raise ShapeError(
                    f'reduction="none" adds real logits {tuple(real.shape)} and fake logits '
                    f"{tuple(fake.shape)} one by one: use as many real as fake images, or write "
                    'reduction="mean"',
                    see="target-size",
                )
        return pairs

    def _combine(self, losses: list[Tensor]) -> Tensor:
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
    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Returns the discriminator's loss at one scale."""

    @abstractmethod
    def _generator(self, *args: Any, **kwargs: Any) -> Tensor:
        """Returns the generator's loss at one scale, from fake and, if needed, real logits."""


ADVERSARIAL_LOSSES: Registry[AdversarialLoss] = Registry("adversarial losses")
"""Adversarial losses by name."""


@ADVERSARIAL_LOSSES.register("vanilla")
class VanillaLoss(AdversarialLoss):
    r"""Binary cross-entropy on logits, non-saturating; the pix2pix paper's loss.

    $$L_D = \overline{\operatorname{softplus}(-r)} + \overline{\operatorname{softplus}(f)}, \quad
    L_G = \overline{\operatorname{softplus}(-f)}$$

    (Goodfellow et al., 2014, section 3).

    Args:
        label_smoothing: One-sided: lowers the discriminator's target for real images from 1 to
            1 minus this (Salimans et al., 2016, section 3.4).
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

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

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return functional.vanilla_discriminator(
            real_logits, fake_logits, label_smoothing=self.label_smoothing, reduction=self.reduction
        )

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return functional.vanilla_generator(fake_logits, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("saturating")
class SaturatingLoss(VanillaLoss):
    r"""The original minimax game, whose gradient vanishes where the discriminator is confident.

    $$L_G = -\overline{\operatorname{softplus}(f)}, \quad L_D \text{ as in the vanilla loss}$$

    (Goodfellow et al., 2014, equation 1). For study only; the vanilla loss does not have this
    problem.

    Args:
        label_smoothing: As in `VanillaLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> round(SaturatingLoss().generator(torch.zeros(4)).item(), 4)
        -0.6931
    """

    cannot = {"no_saturation": "the minimax game saturates by design"}  # noqa: RUF012

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return functional.saturating_generator(fake_logits, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("lsgan")
class LSGANLoss(AdversarialLoss):
    r"""Least squares with targets a for fake, b for real, and c for the generator.

    $$L_D = \overline{(r - b)^2} + \overline{(f - a)^2}, \quad L_G = \overline{(f - c)^2}$$

    The paper has a factor of ½ in front of both (Mao et al., 2017, equation 2). a = −1, b = 1,
    c = 0 minimizes Pearson's χ² divergence (section 3.3).

    Args:
        a: Target of fake logits.
        b: Target of real logits.
        c: Target of fake logits for the generator.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

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

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return functional.lsgan_discriminator(
            real_logits, fake_logits, a=self.a, b=self.b, reduction=self.reduction
        )

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return functional.lsgan_generator(fake_logits, c=self.c, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("hinge")
class HingeLoss(AdversarialLoss):
    r"""Hinge loss: logits beyond the margin of 1 give the discriminator no gradient.

    $$L_D = \overline{\max(0, 1 - r)} + \overline{\max(0, 1 + f)}, \quad L_G = -\overline{f}$$

    (Lim & Ye, 2017; Miyato et al., 2018, equations 16 and 17). The margin acts on the logits
    themselves, without a tanh.

    Args:
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> HingeLoss().discriminator(torch.full((4,), 2.0), torch.full((4,), 0.5)).item()
        1.5
    """

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return functional.hinge_discriminator(real_logits, fake_logits, reduction=self.reduction)

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return functional.negative_logits(fake_logits, reduction=self.reduction)


@ADVERSARIAL_LOSSES.register("wgan")
class WGANLoss(AdversarialLoss):
    r"""Wasserstein loss: logits are unbounded scores; use it with a penalty such as `wgan_gp`.

    $$L_D = \overline{f} - \overline{r}, \quad L_G = -\overline{f}$$

    (Arjovsky et al., 2017, equation 3). Weights are not clipped.

    Args:
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> WGANLoss().discriminator(torch.full((4,), 3.0), torch.ones(4)).item()
        -2.0
    """

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return functional.wgan_discriminator(real_logits, fake_logits, reduction=self.reduction)

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return functional.negative_logits(fake_logits, reduction=self.reduction)
