"""The focal frequency loss, in its two parts: the weights and what they weigh."""

import torch
from torch import Tensor


def frequency_distance(output: Tensor, target: Tensor) -> Tensor:
    """Squared distance of every frequency, |FFT(output) − FFT(target)|², orthonormal.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.

    Returns:
        Values (B, C, H, W); their mean is that of the squared difference of the pixels (Parseval).

    Examples:
        >>> frequency_distance(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))[0, 0].tolist()
        [[4.0, 0.0], [0.0, 0.0]]
    """
    off: Tensor = torch.fft.fft2(output - target, norm="ortho")
    return off.real.square() + off.imag.square()


def focal_weights(distance: Tensor, alpha: float = 1.0) -> Tensor:
    """Weights in [0, 1] that follow |distance|^α of each spectrum, without gradient.

    w = d^α / max d^α with d = √distance, for each image and channel (Jiang et al., 2021,
    equation 8); 0 where the images are equal.

    Args:
        distance: d², as `frequency_distance` gives it, (B, C, H, W).
        alpha: α; with 0 all frequencies weigh 1.

    Examples:
        >>> focal_weights(torch.tensor([[[[4.0, 1.0]]]])).flatten().tolist()
        [1.0, 0.5]
    """
    size = distance.detach().sqrt().pow(alpha)
    largest = size.amax((-2, -1), keepdim=True)
    return torch.where(largest > 0, size / largest, torch.zeros_like(size))


def focal_frequency(output: Tensor, target: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Mean of w · |FFT(output) − FFT(target)|² (Jiang et al., 2021, equation 9).

    The weights w of `focal_weights` are constants of the gradient.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        alpha: α, see `focal_weights`.

    Examples:
        >>> focal_frequency(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).item()
        1.0
    """
    distance = frequency_distance(output, target)
    return (focal_weights(distance, alpha) * distance).mean()
