"""Image sizes and resizing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import OptionError, require_one_of

Size = int | Sequence[int] | str
"""The side of a square, (height, width), or the two as text: `"256x512"`."""

RESIZES = ("stretch", "cover", "contain")
"""Allowed values of `resize`."""


@dataclass(frozen=True)
class Fit:
    """How whole images are resized to fit a size.

    `"stretch"` resizes to exactly (height, width). `"cover"` and `"contain"` keep the aspect ratio:
    the image covers the size, or fits inside it.

    Examples:
        >>> image = torch.zeros(3, 100, 200)
        >>> [tuple(Fit((64, 64), resize).apply(image).shape) for resize in RESIZES]
        [(3, 64, 64), (3, 64, 128), (3, 32, 64)]
    """

    size: tuple[int, int]
    resize: str

    def __post_init__(self) -> None:
        require_one_of("resize", self.resize, RESIZES)

    def apply(self, image: Tensor) -> Tensor:
        """Resizes an image (..., C, H, W) as `resized` does; nothing is cropped or padded."""
        (height, width), (rows, columns) = image.shape[-2:], self.size
        if self.resize == "stretch":
            return resized(image, self.size)
        is_wider = width * rows > columns * height
        if is_wider == (self.resize == "cover"):
            return resized(image, (rows, _scaled(width, rows, height)))
        return resized(image, (_scaled(height, columns, width), columns))


def _scaled(side: int, new: int, old: int) -> int:
    """Returns side · new / old, rounded (halves up), at least 1."""
    return max(1, (2 * side * new + old) // (2 * old))


def resized(image: Tensor, size: Sequence[int]) -> Tensor:
    """Resizes an image to (height, width), keeping its dtype and range.

    Args:
        image: (..., C, H, W): a label map if it is a `tv_tensors.Mask`, else a photo, uint8 or
            float in [0, 1].
        size: The new height and width.

    Examples:
        >>> resized(torch.zeros(1, 40, 60), (20, 30)).shape
        torch.Size([1, 20, 30])
    """
    if image.shape[-2:] == tuple(size):
        return alike(image, image)
    from torchvision.transforms import v2  # late: it takes two seconds
    from torchvision.tv_tensors import Mask

    pixels, is_labels = image.as_subclass(Tensor), isinstance(image, Mask)
    if size[1] == 1 and pixels.dtype == torch.uint8 and not is_labels:
        # torch 2.14 resizes bytes wrongly to a width of 1, or raises.
        return resized(pixels / 255, size).mul(255).round().to(torch.uint8)
    # Pass plain tensors: torchvision resizes a Mask with NEAREST, which shifts it.
    modes = v2.InterpolationMode
    mode = modes.NEAREST_EXACT if is_labels else modes.BICUBIC
    pixels = alike(v2.functional.resize(pixels, list(size), interpolation=mode), image)
    # Bicubic interpolation overshoots; uint8 saturates.
    return pixels if is_labels or not pixels.is_floating_point() else pixels.clamp(0, 1)


def padded(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Pads an image (..., H, W) to a size by repeating its edges; the image stays centered."""
    rows, columns = (
        (torch.arange(new, device=image.device) - (new - old) // 2).clamp(0, old - 1)
        for new, old in zip(size, image.shape[-2:], strict=True)
    )
    return alike(image[..., rows[:, None], columns], image)


def alike(pixels: Tensor, image: Tensor) -> Tensor:
    """Returns pixels as a `Mask` if the image is one, else as a plain tensor."""
    if type(image) is Tensor:
        return pixels.as_subclass(Tensor)
    from torchvision.tv_tensors import Mask

    kind: type[Tensor] = Mask if isinstance(image, Mask) else Tensor
    return pixels.as_subclass(kind)


def is_mask(image: Tensor) -> bool:
    """Returns whether an image is a label map, a `tv_tensors.Mask`."""
    return type(image) is not Tensor and type(alike(image, image)) is not Tensor


def as_mask(pixels: Tensor) -> Tensor:
    """Returns pixels as a `Mask`."""
    from torchvision.tv_tensors import Mask

    masked: Tensor = Mask(pixels)
    return masked


def height_width(name: str, size: Size) -> tuple[int, int]:
    """Returns the (height, width) of a size; raises an `OptionError` that names the option."""
    sides: Any = size if isinstance(size, Sequence) else (size, size)
    if isinstance(size, str) and re.fullmatch("[0-9]+x[0-9]+", size):
        sides = [int(side) for side in size.split("x")]
    if len(sides) != 2 or any(type(side) is not int or side < 1 for side in sides):
        raise OptionError(
            f'{name} is {size!r}: write a positive whole number, (height, width) or "256x512"'
        )
    return sides[0], sides[1]


def format_size(size: Sequence[int]) -> str:
    """Returns (height, width) as text for messages."""
    return f"{size[0]} high x {size[1]} wide"
