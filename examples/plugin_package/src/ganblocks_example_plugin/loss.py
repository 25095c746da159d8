"""An adversarial loss."""

import torch.nn.functional as F
from torch import Tensor

from ganblocks import ADVERSARIAL_LOSSES
from ganblocks.errors import OptionError
from ganblocks.losses import AdversarialLoss


@ADVERSARIAL_LOSSES.register("soft_margin")
class SoftMarginLoss(AdversarialLoss):
    """A smooth hinge: logits short of the margin are penalized, those beyond it hardly.

    Discriminator: mean softplus(margin − r) + mean softplus(margin + f). Generator: mean
    softplus(margin − f). With margin 0 it is the vanilla loss.

    Args:
        margin: How far from 0 the logits should be.

    Raises:
        OptionError: The margin is negative.
    """

    def __init__(self, margin: float = 1.0) -> None:
        if margin < 0:
            raise OptionError(f"margin is {margin!r}: write 0 or a positive number")
        self.margin = margin

    def _discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        real = F.softplus(self.margin - real_logits)
        return real.mean() + F.softplus(self.margin + fake_logits).mean()

    def _generator(self, fake_logits: Tensor) -> Tensor:
        return F.softplus(self.margin - fake_logits).mean()
