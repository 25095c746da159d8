"""Metrics of a discriminator's logits for the log, and of images for scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.losses.logits import Logits, mean_logit, pairs_of


@checked
def logit_metrics(real_logits: Logits, fake_logits: Logits) -> dict[str, Tensor]:
    """Returns how well a discriminator separates real from fake images, as scalars.

    Args:
        real_logits: Logits of real images, or a list with one map per scale.
        fake_logits: Logits of generated images, in the same form.

    Returns:
        Mean logits `d_real` and `d_fake`; `d_spread`, the standard deviation of all logits; and, if
        the shapes are equal, `d_accuracy`, the fraction of positions where the real logit is
        higher.

    Examples:
        >>> metrics = logit_metrics(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0]))
        >>> {name: value.item() for name, value in metrics.items() if name != "d_spread"}
        {'d_real': 2.0, 'd_fake': 2.0, 'd_accuracy': 0.5}
    """
    pairs = [(real.detach(), fake.detach()) for real, fake in pairs_of(real_logits, fake_logits)]
    spread = [torch.cat((r.flatten(), f.flatten())).std(correction=0) for r, f in pairs]
    metrics = {
        "d_real": mean_logit([real for real, _ in pairs]),
        "d_fake": mean_logit([fake for _, fake in pairs]),
        "d_spread": torch.stack(spread).mean(),
    }
    if all(r.shape == f.shape for r, f in pairs):
        metrics["d_accuracy"] = torch.stack([(r > f).float().mean() for r, f in pairs]).mean()
    return metrics


def mean_l1_error(output: Tensor, target: Tensor) -> float:
    """Returns the mean absolute error of an image."""
    return (output - target).abs().mean().item()


def enlarged(image: Tensor, size: Sequence[int]) -> Tensor:
    """Returns images in [-1, 1], bicubically enlarged to a height and width."""
    return F.interpolate(image, tuple(size), mode="bicubic", align_corners=False).clamp(-1, 1)
