"""The check of the two images that a loss or a penalty takes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganblocks.errors import OptionError, ShapeError


def require_two_images(who: str, **images: Any) -> None:
    """Raises an error of ours unless both are tensors of floats, of one shape, and not empty.

    Args:
        who: What takes them, for the message.
        **images: The two images by their names.

    Raises:
        OptionError: One is no tensor of floats.
        ShapeError: They differ in shape or are empty.

    Examples:
        >>> import torch
        >>> output, target = torch.zeros(2, 1, 3, 4, 4)
        >>> require_two_images("a loss", output=output, target=target)
    """
    for name, image in images.items():
        if not isinstance(image, Tensor) or not image.is_floating_point():
            got = image.dtype if isinstance(image, Tensor) else type(image).__name__
            raise OptionError(
                f"{who} got {got} as {name}: pass a tensor of floats. Values from 0 to 255 become "
                "images in [-1, 1] by x / 127.5 - 1"
            )
    (first, a), (second, b) = ((name, tuple(image.shape)) for name, image in images.items())
    if a != b:
        raise ShapeError(
            f"{who} got {first} {a} and {second} {b}, which differ in shape: {_remedy(a, b)}"
        )
    if 0 in a:
        raise ShapeError(f"{who} got empty images, of shape {a}")


def _remedy(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if not len(a) == len(b) == 4:
        return "pass both as (B, C, H, W)"
    remedies = {
        "pass as many of both": a[0] != b[0],
        "give both the same number of channels": a[1] != b[1],
        "crop or resize one to the other": a[2:] != b[2:],
    }
    return ", and ".join(remedy for remedy, needed in remedies.items() if needed)
