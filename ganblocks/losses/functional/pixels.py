"""Distances between two images, pixel by pixel; torch has L1, L2 and Huber."""

import torch
from torch import Tensor


def charbonnier(output: Tensor, target: Tensor, *, eps: float = 1e-3) -> Tensor:
    """Mean √((output − target)² + ε²) − ε: L1 with a rounded tip (Charbonnier et al., 1994).

    The constant ε is subtracted so that equal images give 0; the gradients are unchanged.

    Args:
        output: Images, or values of any shape.
        target: Values of the same shape.
        eps: ε, in the units of the images.

    Examples:
        >>> charbonnier(torch.zeros(2), torch.full((2,), 3.0), eps=4.0).item()
        1.0
    """
    # In float32 the square of a small difference would vanish beside ε²; hypot keeps it.
    return (torch.hypot(output - target, output.new_full((), eps)) - eps).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean |difference| of vertical neighbors plus mean |difference| of horizontal ones.

    This is the anisotropic form. Rudin et al. (1992) sum; the mean does not grow with the image.
    An axis of one pixel has no neighbors and adds 0.

    Args:
        image: Images (B, C, H, W).

    Examples:
        >>> total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])).item()
        1.0
    """
    total = image.new_zeros(())
    for difference in _differences(image):
        total = total + difference.abs().sum() / max(1, difference.numel())
    return total


def gradient_difference(output: Tensor, target: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Mean ||∂output| − |∂target||^α, summed over both axes (Mathieu et al., 2016, equation 6).

    ∂ is the difference of neighboring pixels. The paper takes a sum instead of the mean.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        alpha: α, 1 or more.

    Examples:
        >>> edge = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
        >>> gradient_difference(edge, torch.zeros_like(edge)).item()
        1.0
    """
    total = output.new_zeros(())
    for dy, dt in zip(_differences(output), _differences(target), strict=True):
        distance = (dy.abs() - dt.abs()).abs()
        total = total + distance.pow(alpha).sum() / max(1, distance.numel())
    return total


def _differences(image: Tensor) -> tuple[Tensor, Tensor]:
    return image.diff(dim=-2), image.diff(dim=-1)
