"""LeCam regularization: logits are held near the usual logits of the other side."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import require_fraction
from ganblocks.losses import functional
from ganblocks.losses.logits import mean_logit, pairs_of
from ganblocks.losses.penalties.base import PENALTIES, Judge, Penalty


@PENALTIES.register("lecam")
class LeCamPenalty(Penalty):
    r"""LeCam regularization, for few images (Tseng et al., 2021, equation 3).

    $$\overline{(r - \alpha_F)^2} + \overline{(f - \alpha_R)^2}$$

    α are moving averages of the mean logits of real (R) and fake (F) images over the calls in
    train mode, this one included. They are buffers: keep them with the training's state.

    Args:
        decay: What the averages keep of their value at each call; the first call sets them.
        interval: Lazy application, see `Penalty`.

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
    over_batch = "whole"  # a second part would move the averages once more
    cannot = {"only_computes": "its moving averages are its memory"}  # noqa: RUF012

    def __init__(self, *, decay: float = 0.99, interval: int = 1) -> None:
        super().__init__(interval=interval)
        require_fraction("decay", decay)
        self.decay = decay
        self.register_buffer("real_anchor", torch.zeros(()))
        self.register_buffer("fake_anchor", torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        real_logits, fake_logits = judge(real), judge(fake)
        if self.training:
            self._remember(mean_logit(real_logits).detach(), mean_logit(fake_logits).detach())
        parts = [
            functional.lecam(r, f, self.real_anchor, self.fake_anchor)
            for r, f in pairs_of(real_logits, fake_logits)
        ]
        return torch.stack(parts).mean()

    def _remember(self, real: Tensor, fake: Tensor) -> None:
        kept = torch.where(self.calls > 0, self.decay, 0.0)  # no branch that a GPU would wait for
        # New tensors: the graph of an earlier call may still hold the old ones.
        self.real_anchor = torch.lerp(real.to(self.real_anchor), self.real_anchor, kept)
        self.fake_anchor = torch.lerp(fake.to(self.fake_anchor), self.fake_anchor, kept)
        self.calls = self.calls + 1
