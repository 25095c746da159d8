"""LeCam regularization."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import require_flag, require_fraction
from ganblocks.losses import functional
from ganblocks.losses.logits import mean_logit, pairs_of
from ganblocks.losses.penalties.base import PENALTIES, Discriminator, Penalty


@PENALTIES.register("lecam")
class LeCamPenalty(Penalty):
    r"""LeCam regularization, for small datasets (Tseng et al., 2021, equation 3).

    $$\overline{(r - \alpha_F)^2} + \overline{(f - \alpha_R)^2}$$

    α are moving averages of the mean logits of real (R) and fake (F) images over all calls in
    train mode, including the current one, except calls with logits that are not finite. They are
    buffers: save them with the training state. In distributed training, each process has its own.

    The authors' code differs from the equation: it penalizes one side only, with the means of
    max(0, r − α_F)² and max(0, α_R − f)².

    Args:
        decay: Weight of the previous average at each call; the first call sets the averages.
        one_sided: Penalize as the authors' code does.
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real, fake = torch.ones(4, 1, 2, 2), torch.zeros(4, 1, 2, 2)
        >>> LeCamPenalty()(lambda x: x, real, fake).item()  # (1 − 0)² + (0 − 1)²
        2.0
    """

    real_anchor: Tensor
    fake_anchor: Tensor
    calls: Tensor
    batch_reduction = "whole"  # every call updates the averages
    cannot = {"only_computes": "its moving averages are state"}  # noqa: RUF012

    def __init__(self, *, decay: float = 0.99, one_sided: bool = False, interval: int = 1) -> None:
        super().__init__(interval=interval)
        require_fraction("decay", decay)
        require_flag("one_sided", one_sided)
        self.decay = decay
        self.one_sided = one_sided
        self.register_buffer("real_anchor", torch.zeros(()))
        self.register_buffer("fake_anchor", torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        real_logits, fake_logits = discriminator(real), discriminator(fake)
        if self.training:
            self._update(mean_logit(real_logits).detach(), mean_logit(fake_logits).detach())
        losses = [
            functional.lecam(r, f, self.real_anchor, self.fake_anchor, one_sided=self.one_sided)
            for r, f in pairs_of(real_logits, fake_logits)
        ]
        return torch.stack(losses).mean()

    def _update(self, real: Tensor, fake: Tensor) -> None:
        decay = torch.where(self.calls > 0, self.decay, 0.0)  # a branch would synchronize the GPU
        finite = (real + fake).isfinite()  # or else all later calls would be NaN, too
        # New tensors: the graph of an earlier call may still hold the old ones.
        for name, now in (("real_anchor", real), ("fake_anchor", fake)):
            anchor = getattr(self, name)
            average = torch.lerp(now.to(anchor), anchor, decay)
            setattr(self, name, torch.where(finite, average, anchor))
        self.calls = self.calls + finite
