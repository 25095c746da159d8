"""Penalties as functions of logits, or of gradients (B, …), one for each image."""

import torch
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.errors import ShapeError
from ganblocks.losses.functional.reducing import full_precision
from ganblocks.losses.images import require_axes


@checked
def gradient_norm_penalty(
    gradient: Floats, *, target: float = 1.0, one_sided: bool = False
) -> Tensor:
    """Mean over the images of (‖g‖₂ − t)², each norm over all values of one image.

    One-sided: mean max(0, ‖g‖₂ − t)² (Gulrajani et al., 2017, equation 3; one-sided: Petzka et
    al., 2018). A norm of zero has the gradient 0.

    Args:
        gradient: g, (B, …): one gradient for each image.
        target: t, the target norm.
        one_sided: Penalize only norms above t.

    Raises:
        ShapeError: The gradient has no axis besides the batch.

    Examples:
        >>> gradient_norm_penalty(torch.full((5, 3, 2, 2), 12**-0.5)).item() < 1e-12
        True
    """
    require_axes("gradient_norm_penalty", gradient, 2, "(B, …), one gradient for each image")
    norms: Tensor = torch.linalg.vector_norm(full_precision(gradient).flatten(1), dim=1)
    difference = norms - target
    return (difference.relu() if one_sided else difference).square().mean()


@checked
def half_squared_norm(gradient: Floats) -> Tensor:
    """Mean over the images of ½ ‖g‖₂² (Mescheder et al., 2018, equations 9 and 10).

    Args:
        gradient: g, (B, …): one gradient for each image.

    Raises:
        ShapeError: The gradient has no axis besides the batch.

    Examples:
        >>> half_squared_norm(torch.ones(5, 3, 2, 2)).item()
        6.0
    """
    require_axes("half_squared_norm", gradient, 2, "(B, …), one gradient for each image")
    return full_precision(gradient).flatten(1).square().sum(1).mean() / 2


@checked
def lecam(
    real_logits: Floats,
    fake_logits: Floats,
    real_anchor: Floats,
    fake_anchor: Floats,
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

    Raises:
        ShapeError: An anchor is not a scalar.

    Examples:
        >>> lecam(torch.ones(4), torch.zeros(4), torch.tensor(1.0), torch.tensor(0.0)).item()
        2.0
    """
    for anchor in (real_anchor, fake_anchor):
        if anchor.numel() != 1:
            raise ShapeError(f"lecam got an anchor of shape {tuple(anchor.shape)}: pass a scalar")
    differences = (real_logits - fake_anchor, real_anchor - fake_logits)
    real, fake = (x.relu() for x in differences) if one_sided else differences
    return real.square().mean() + fake.square().mean()
