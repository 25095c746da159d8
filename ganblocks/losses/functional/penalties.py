"""Penalties as functions of logits, or of gradients (B, …), one for each image."""

import torch
from torch import Tensor

from ganblocks.losses.functional.reducing import full_precision


def gradient_norm_penalty(
    gradient: Tensor, *, target: float = 1.0, one_sided: bool = False
) -> Tensor:
    """Mean over the images of (‖g‖₂ − t)², each norm over all values of one image.

    One-sided: mean max(0, ‖g‖₂ − t)² (Gulrajani et al., 2017, equation 3; one-sided: Petzka et
    al., 2018). A norm of zero has the gradient 0.

    Args:
        gradient: g, (B, …): one gradient for each image.
        target: t, the target norm.
        one_sided: Penalize only norms above t.

    Examples:
        >>> gradient_norm_penalty(torch.full((5, 3, 2, 2), 12**-0.5)).item() < 1e-12
        True
    """
    norms: Tensor = torch.linalg.vector_norm(full_precision(gradient).flatten(1), dim=1)
    difference = norms - target
    return (difference.relu() if one_sided else difference).square().mean()


def half_squared_norm(gradient: Tensor) -> Tensor:
    """Mean over the images of ½ ‖g‖₂² (Mescheder et al., 2018, equations 9 and 10).

    Args:
        gradient: g, (B, …): one gradient for each image.

    Examples:
        >>> half_squared_norm(torch.ones(5, 3, 2, 2)).item()
        6.0
    """
    return full_precision(gradient).flatten(1).square().sum(1).mean() / 2


def lecam(
    real_logits: Tensor,
    fake_logits: Tensor,
    real_anchor: Tensor,
    fake_anchor: Tensor,
    *,
    one_sided: bool = False,
) -> Tensor:
    """Mean (r − α_F)² + mean (f − α_R)² (Tseng et al., 2021, equation 3).

    The anchors α are moving averages of the mean logits of real and fake images. One-sided, as in
    the authors' code: mean max(0, r − α_F)² + mean max(0, α_R − f)².

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        real_anchor: α_R, a scalar.
        fake_anchor: α_F, a scalar.
        one_sided: Penalize only real logits above α_F and fake ones below α_R.

    Examples:
        >>> lecam(torch.ones(4), torch.zeros(4), torch.tensor(1.0), torch.tensor(0.0)).item()
        2.0
    """
    differences = (real_logits - fake_anchor, real_anchor - fake_logits)
    real, fake = (x.relu() for x in differences) if one_sided else differences
    return real.square().mean() + fake.square().mean()
