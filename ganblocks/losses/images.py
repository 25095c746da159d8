"""Checks of the images passed to losses and penalties."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganblocks.errors import ShapeError, require_floats


def require_two_images(who: str, **images: Any) -> None:
    """Raises an error unless both are nonempty floating-point tensors of the same shape.

    Args:
        who: The component that takes them, for the message.
        **images: The two images by their names.

    Raises:
        OptionError: One is not a floating-point tensor.
        ShapeError: They differ in shape or are empty.

    Examples:
        >>> import torch
        >>> output, target = torch.zeros(2, 1, 3, 4, 4)
        >>> require_two_images("a loss", output=output, target=target)
    """
    for name, image in images.items():
        require_floats(who, name, image)
    require_one_shape(who, **images)


def require_one_shape(who: str, **images: Tensor) -> None:
    """Raises `ShapeError` if two images differ in shape or are empty.

    Examples:
        >>> import torch
        >>> require_one_shape("a loss", output=torch.zeros(2, 3), target=torch.zeros(2, 3))
    """
    (first, a), (second, b) = ((name, tuple(image.shape)) for name, image in images.items())
    if a != b:
        raise ShapeError(
            f"{who} got {first} {a} and {second} {b}, which differ in shape: {_remedy(a, b)}"
        )
    if 0 in a:
        raise ShapeError(f"{who} got empty images, of shape {a}")


def require_axes(who: str, x: Tensor, least: int, expected: str = "(B, C, H, W)") -> None:
    """Raises `ShapeError` if a tensor has too few axes.

    Examples:
        >>> import torch
        >>> require_axes("a loss", torch.zeros(1, 3, 4, 4), 2)
    """
    if x.dim() < least:
        raise ShapeError(f"{who} got a tensor of shape {tuple(x.shape)}: expected {expected}")


def _remedy(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if not len(a) == len(b) == 4:
        return "pass both as (B, C, H, W)"
    remedies = {
        "use equal batch sizes": a[0] != b[0],
        "use the same number of channels for both": a[1] != b[1],
        "crop or resize one to the other": a[2:] != b[2:],
    }
    return ", and ".join(remedy for remedy, needed in remedies.items() if needed)
