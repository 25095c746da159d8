"""The focal frequency loss: spectral distances and their weights."""

import torch
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.losses.images import require_axes, require_one_shape


@checked
def frequency_distance(output: Floats, target: Floats) -> Tensor:
    """Returns |FFT(output) − FFT(target)|² at every frequency, with an orthonormal FFT.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.

    Returns:
        Values (B, C, H, W), whose mean is the mean squared error of the pixels (Parseval).

    Raises:
        ShapeError: The images differ in shape or are empty.

    Examples:
        >>> frequency_distance(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))[0, 0].tolist()
        [[4.0, 0.0], [0.0, 0.0]]
    """
    require_one_shape("the focal frequency loss", output=output, target=target)
    require_axes("the focal frequency loss", output, 2)
    spectrum: Tensor = torch.fft.fft2(output - target, norm="ortho")
    return spectrum.real.square() + spectrum.imag.square()


@checked
def focal_weights(distance: Floats, alpha: float = 1.0) -> Tensor:
    """Returns weights in [0, 1], proportional to |distance|^α in each spectrum, without gradient.

    w = d^α / max d^α with d = √distance, for each image and channel (Jiang et al., 2021,
    equation 8); 0 where the images are equal.

    Args:
        distance: d², the result of `frequency_distance`, (B, C, H, W).
        alpha: α; 0 gives all frequencies the weight 1.

    Raises:
        ShapeError: The tensor has fewer than two axes.

    Examples:
        >>> focal_weights(torch.tensor([[[[4.0, 1.0]]]])).flatten().tolist()
        [1.0, 0.5]
    """
    require_axes("focal_weights", distance, 2)
    magnitude = distance.detach().sqrt().pow(alpha)
    largest = magnitude.amax((-2, -1), keepdim=True)
    return torch.where(largest > 0, magnitude / largest, torch.zeros_like(magnitude))


@checked
def focal_frequency(output: Floats, target: Floats, *, alpha: float = 1.0) -> Tensor:
    """Mean of w · |FFT(output) − FFT(target)|² (Jiang et al., 2021, equation 9).

    w are the `focal_weights`, treated as constants by the gradient.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        alpha: α, see `focal_weights`.

    Raises:
        ShapeError: The images differ in shape or are empty.

    Examples:
        >>> focal_frequency(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).item()
        1.0
    """
    distance = frequency_distance(output, target)
    return (focal_weights(distance, alpha) * distance).mean()
