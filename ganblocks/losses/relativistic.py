"""Relativistic losses: real logits are to lie above fake ones, wherever both lie."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ganblocks.errors import OptionError, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from ganblocks.losses.logits import Logits


class RelativisticLoss(AdversarialLoss):
    """Compares real and fake logits; both players need both.

    Args:
        form: What is made of a difference x: `"logistic"`, softplus(−x); `"least_squares"`,
            (x − 1)²; `"hinge"`, max(0, 1 − x).
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these.
    """

    needs_real_logits = True
    cannot = {"generator_alone": "the generator's loss compares with real logits"}  # noqa: RUF012

    def __init__(
        self, *, form: str = "logistic", reduction: str = "mean", combine: str = "mean"
    ) -> None:
        require_one_of("form", form, functional.FORMS)
        super().__init__(reduction=reduction, combine=combine)
        self.form = form

    def generator(self, fake_logits: Logits, real_logits: Logits | None = None) -> Tensor:
        """Returns what the generator minimizes: the discriminator's loss with the sides exchanged.

        Args:
            fake_logits: Logits of what the generator made.
            real_logits: Logits of real images, from the same discriminator. Must be given.

        Raises:
            OptionError: `real_logits` is None, or the numbers of scales differ.
            ShapeError: There are no logits.
        """
        if real_logits is None:
            raise OptionError(
                f"{type(self).__name__} compares fake logits with real ones, for the generator "
                "too: write loss.generator(fake_logits, real_logits)",
                see="needs-real-logits",
            )
        pairs = self._pairs(real_logits, fake_logits)
        return self._combined([self._compared(fake, real) for real, fake in pairs])

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._compared(real, fake)

    def _generator(self, fake: Tensor) -> Tensor:
        raise NotImplementedError  # `generator` above takes both sides

    @abstractmethod
    def _compared(self, better: Tensor, worse: Tensor) -> Tensor: ...


@ADVERSARIAL_LOSSES.register("rpgan")
class RpGANLoss(RelativisticLoss):
    r"""Relativistic paired: each real logit against a fake one; with R1 and R2, that of R3GAN.

    $$L_D = \overline{\varphi(r - f)}, \quad L_G = \overline{\varphi(f - r)}$$

    with φ of `form` (Jolicoeur-Martineau, 2018, equation 7; Huang et al., 2024, equation 2). R3GAN
    takes the logistic one.

    Args:
        form: `"logistic"`, `"least_squares"` or `"hinge"`, see `RelativisticLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these.
        ShapeError: Called with real and fake logits of different shapes.

    Examples:
        >>> import torch
        >>> real, fake = torch.full((4,), 7.0), torch.full((4,), 6.0)
        >>> RpGANLoss(form="least_squares").discriminator(real, fake).item()
        0.0
    """

    def _compared(self, better: Tensor, worse: Tensor) -> Tensor:
        return functional.relativistic_paired(
            better, worse, form=self.form, reduction=self.reduction
        )


@ADVERSARIAL_LOSSES.register("ragan")
class RaGANLoss(RelativisticLoss):
    r"""Relativistic average: each logit against the mean of the other side's.

    $$L_D = \overline{\varphi(r - \bar f)} + \overline{\varphi(\bar r - f)}, \quad
    L_G = \overline{\varphi(f - \bar r)} + \overline{\varphi(\bar f - r)}$$

    with φ of `form`; the means run over the batch and all logits of a scale
    (Jolicoeur-Martineau, 2018, equations 8 to 10). Some implementations halve the sum. Neither
    mean is detached.

    Args:
        form: `"logistic"`, `"least_squares"` or `"hinge"`, see `RelativisticLoss`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `AdversarialLoss`.
        combine: `"mean"` or `"sum"`, over scales.

    Raises:
        OptionError: A word is none of these.

    Examples:
        >>> import torch
        >>> RaGANLoss(form="hinge").generator(torch.zeros(4), torch.zeros(9)).item()
        2.0
    """

    over_batch = "whole"  # each logit is compared with a mean over the batch

    def _compared(self, better: Tensor, worse: Tensor) -> Tensor:
        return functional.relativistic_average(
            better, worse, form=self.form, reduction=self.reduction
        )
