"""Relativistic losses, which compare real logits with fake ones."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ganblocks.errors import require_one_of
from ganblocks.losses import functional
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss


class RelativisticLoss(AdversarialLoss):
    """Base class: both losses are functions of differences between real and fake logits.

    The generator's loss is the discriminator's with real and fake logits swapped.

    Args:
        form: φ of a difference x: `"logistic"`, softplus(−x); `"least_squares"`,
            (x − 1)²; `"hinge"`, max(0, 1 − x).
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.
    """

    needs_real_logits = True
    cannot = {"generator_alone": "the generator's loss needs real logits"}  # noqa: RUF012

    def __init__(
        self, *, form: str = "logistic", reduction: str = "mean", combine: str = "mean"
    ) -> None:
        require_one_of("form", form, functional.RELATIVISTIC_FORMS)
        super().__init__(reduction=reduction, combine=combine)
        self.form = form

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return self._compare(real_logits, fake_logits)

    def _generator(self, fake_logits: Tensor, real_logits: Tensor) -> Tensor:
        return self._compare(fake_logits, real_logits)

    @abstractmethod
    def _compare(self, higher: Tensor, lower: Tensor) -> Tensor: ...


@ADVERSARIAL_LOSSES.register("rpgan")
class RpGANLoss(RelativisticLoss):
    r"""Relativistic paired loss: each real logit against a fake one.

    $$L_D = \overline{\varphi(r - f)}, \quad L_G = \overline{\varphi(f - r)}$$

    with φ given by `form` (Jolicoeur-Martineau, 2018, equation 7). The logistic form with the
    penalty `r1_r2` is R3GAN's loss (Huang et al., 2024, equation 2).

    Args:
        form: `"logistic"`, `"least_squares"` or `"hinge"`, see `RelativisticLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: When called: real and fake logits differ in shape.

    Examples:
        >>> import torch
        >>> real, fake = torch.full((4,), 7.0), torch.full((4,), 6.0)
        >>> RpGANLoss(form="least_squares").discriminator(real, fake).item()
        0.0
    """

    def _compare(self, higher: Tensor, lower: Tensor) -> Tensor:
        return functional.relativistic_paired(
            higher, lower, form=self.form, reduction=self.reduction
        )


@ADVERSARIAL_LOSSES.register("ragan")
class RaGANLoss(RelativisticLoss):
    r"""Relativistic average loss: each real logit against the mean fake logit and vice versa.

    $$L_D = \overline{\varphi(r - \bar f)} + \overline{\varphi(\bar r - f)}, \quad
    L_G = \overline{\varphi(f - \bar r)} + \overline{\varphi(\bar f - r)}$$

    with φ given by `form` and means over the batch and all logits of a scale (Jolicoeur-Martineau,
    2018, equations 8 to 10). Neither mean is detached. Some implementations halve the sum. In
    distributed training, each process uses only the means of its own images.

    Args:
        form: `"logistic"`, `"least_squares"` or `"hinge"`, see `RelativisticLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> import torch
        >>> RaGANLoss(form="hinge").generator(torch.zeros(4), torch.zeros(9)).item()
        2.0
    """

    batch_reduction = "whole"  # each logit is compared with a mean over the batch

    def _compare(self, higher: Tensor, lower: Tensor) -> Tensor:
        return functional.relativistic_average(
            higher, lower, form=self.form, reduction=self.reduction
        )
