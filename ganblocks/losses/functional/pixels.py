"""Distances between two images, pixel by pixel; torch has L1, L2 and Huber."""

import torch
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.losses.images import require_axes, require_one_shape


@checked
def charbonnier(output: Floats, target: Floats, *, eps: float = 1e-3) -> Tensor:
    """Mean √((output − target)² + ε²) − ε: a smooth L1 (Charbonnier et al., 1994).

    The constant ε is subtracted so that equal images give 0; the gradients are unchanged.

    Args:
        output: Images, or values of any shape.
        target: Values of the same shape.
        eps: ε, in the units of the images.

    Raises:
        ShapeError: The images differ in shape or are empty.

    Examples:
        >>> charbonnier(torch.zeros(2), torch.full((2,), 3.0), eps=4.0).item()
        1.0
    """
    require_one_shape("charbonnier", output=output, target=target)
    # In float32, adding ε² would absorb the square of a small difference; hypot avoids that.
    return (torch.hypot(output - target, output.new_full((), eps)) - eps).mean()


@checked
def total_variation(image: Floats) -> Tensor:
    """Mean |difference| of vertical neighbors plus mean |difference| of horizontal ones.

    This is the anisotropic form. Rudin et al. (1992) use the sum; the mean is independent of the
    image size. An axis of one pixel adds 0.

    Args:
        image: Images (B, C, H, W).

    Raises:
        ShapeError: The tensor has fewer than two axes.

    Examples:
        >>> total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])).item()
        1.0
    """
    require_axes("total_variation", image, 2)
    total = image.new_zeros(())
    for difference in _differences(image):
        total = total + difference.abs().sum() / max(1, difference.numel())
    return total


@checked
def gradient_difference(output: Floats, target: Floats, *, alpha: float = 1.0) -> Tensor:
    """Mean ||∂output| − |∂target||^α, summed over both axes (Mathieu et al., 2016, equation 6).

    ∂ is the difference of neighboring pixels. The paper uses the sum instead of the mean.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        alpha: α, 1 or more.

    Raises:
        ShapeError: The images differ in shape or are empty.

    Examples:
        >>> edge = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
        >>> gradient_difference(edge, torch.zeros_like(edge)).item()
        1.0
    """
    require_one_shape("gradient_difference", output=output, target=target)
    require_axes("gradient_difference", output, 2)
    total = output.new_zeros(())
    for dy, dt in zip(_differences(output), _differences(target), strict=True):
        distance = (dy.abs() - dt.abs()).abs()
        total = total + distance.pow(alpha).sum() / max(1, distance.numel())
    return total


def _differences(image: Tensor) -> tuple[Tensor, Tensor]:
    return image.diff(dim=-2), image.diff(dim=-1)
