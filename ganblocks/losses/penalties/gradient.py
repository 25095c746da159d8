"""The gradient that penalties are about: of the logits, with respect to the image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganblocks.errors import OptionError, ShapeError, require_one_of
from ganblocks.losses.logits import scales_of
from ganblocks.losses.penalties.base import Judge

SCALARS = ("sum", "mean", "logit")
"""What of an image's logits is differentiated."""


def image_gradient(judge: Judge, image: Tensor, scalar: str = "sum") -> Tensor:
    """Differentiates each image's logits with respect to the image, so that it can be trained on.

    Examples:
        >>> image_gradient(lambda x: 3 * x, torch.zeros(2, 1, 2, 2), "mean")[0].flatten().tolist()
        [0.75, 0.75, 0.75, 0.75]
    """
    require_one_of("scalar", scalar, SCALARS)
    image = image.detach().requires_grad_()
    # Fused attention has no second derivative, which the training of a gradient takes.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        scales = [_by_image(logits, len(image)) for logits in scales_of(judge(image))]
    # A scale without any gradient, as one of constants, is none that autograd takes.
    pairs = zip(scales, _weights(scales, scalar), strict=True)
    learnt = [(scale, weight) for scale, weight in pairs if scale.requires_grad]
    gradient = None
    if learnt:
        outputs, weights = zip(*learnt, strict=True)
        (gradient,) = torch.autograd.grad(
            outputs, image, weights, create_graph=True, allow_unused=True
        )
    if gradient is None:
        raise OptionError(
            "the discriminator's logits do not depend on the image: it ran under no_grad, or "
            "detached what it was given",
            see="no-gradient-to-the-generator",
        )
    return gradient


def _by_image(logits: Tensor, images: int) -> Tensor:
    if logits.numel() % images or logits.dim() == 0:
        raise ShapeError(
            f"the discriminator gave logits of shape {tuple(logits.shape)} for {images} images: a "
            "penalty takes some for each image, with the batch as their first axis"
        )
    return logits.reshape(images, -1)


def _weights(scales: list[Tensor], scalar: str) -> list[Tensor]:
    """Returns the weight of each logit in its image's scalar."""
    if scalar == "sum":
        return [torch.ones_like(scale) for scale in scales]
    if scalar == "mean":
        return [torch.full_like(s, 1 / (s.shape[1] * len(scales))) for s in scales]
    batch, device = len(scales[0]), scales[0].device
    drawn = torch.randint(len(scales), (batch, 1), device=device)
    weights = []
    for number, scale in enumerate(scales):
        which = torch.randint(scale.shape[1], (batch, 1), device=device)
        one = torch.zeros_like(scale).scatter_(1, which, 1.0)
        weights.append(one * (drawn == number))
    return weights
