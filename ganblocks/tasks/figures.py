"""What a log shows of a discriminator's logits."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.losses.logits import Logits, mean_logit, pairs_of


def logit_figures(real_logits: Logits, fake_logits: Logits) -> dict[str, Tensor]:
    """Returns how a discriminator tells real images from generated ones, as scalars for the log.

    Args:
        real_logits: Logits of real images, or a list with a map for each scale.
        fake_logits: Logits of generated images, likewise.

    Returns:
        Mean logits `d_real` and `d_fake`; `d_spread`, the standard deviation of all logits; and,
        where both have the same shapes, `d_accuracy`, the share of places where the real logit is
        the higher one.

    Examples:
        >>> figures = logit_figures(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0]))
        >>> {name: value.item() for name, value in figures.items() if name != "d_spread"}
        {'d_real': 2.0, 'd_fake': 2.0, 'd_accuracy': 0.5}
    """
    pairs = [(real.detach(), fake.detach()) for real, fake in pairs_of(real_logits, fake_logits)]
    spread = [torch.cat((r.flatten(), f.flatten())).std(correction=0) for r, f in pairs]
    figures = {
        "d_real": mean_logit([real for real, _ in pairs]),
        "d_fake": mean_logit([fake for _, fake in pairs]),
        "d_spread": torch.stack(spread).mean(),
    }
    if all(r.shape == f.shape for r, f in pairs):
        figures["d_accuracy"] = torch.stack([(r > f).float().mean() for r, f in pairs]).mean()
    return figures
