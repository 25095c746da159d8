"""The joint transform of pix2pix: resize, crop and mirror, drawn once for both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, ShapeError, require_one_of

Size = int | Sequence[int]
"""A side of a square, or (height, width)."""


class Window(NamedTuple):
    """What is cut out of a pair: its first row and column, and whether it is mirrored."""

    top: int
    left: int
    mirrored: bool


@checked
@dataclass(frozen=True)
class PairTransform:
    """Resizes, crops and mirrors both sides of a pair alike.

    Photos are resized by antialiased bicubic interpolation, labels by nearest-exact, which
    makes no new colors and does not shift them against the photo.

    Args:
        load_size: What the pair is resized to before the crop: a square's side or (height,
            width). None keeps the size of the files.
        crop_size: What comes out, given likewise; at most `load_size`.
        mirror: Whether every second pair, by chance, is mirrored left to right.
        labels: Which side is a label map: `"a"`, `"b"`, or None where both are photos.
        random: False makes the transform for validation and test: no chance and no mirror.
            The pair is resized straight to `crop_size`; with `load_size=None` its middle is
            cut out instead.

    Raises:
        OptionError: A size is not positive, the crop is larger than the load size, or
            `labels` names no side.

    Examples:
        >>> photo = labels = torch.zeros(3, 40, 60, dtype=torch.uint8)
        >>> transform = PairTransform(load_size=36, crop_size=32, labels="b")
        >>> a, b = transform(photo, labels, torch.Generator().manual_seed(0))
        >>> a.shape, b.dtype
        (torch.Size([3, 32, 32]), torch.uint8)
    """

    load_size: Size | None = 286
    crop_size: Size = 256
    mirror: bool = True
    labels: str | None = None
    random: bool = True

    def __post_init__(self) -> None:
        crop = _height_width("crop_size", self.crop_size)
        load = None if self.load_size is None else _height_width("load_size", self.load_size)
        if self.labels is not None:
            require_one_of("labels", self.labels, ("a", "b"))
        if self.random and load is not None and not _fits(crop, load):
            raise OptionError(
                f"crop_size {_words(crop)} is larger than load_size {_words(load)}: "
                f"write a crop_size of at most {_words(load)}, or a larger load_size"
            )

    def __call__(self, a: Tensor, b: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Transforms uint8 images (C, H, W) of one size: resizes, draws a window, cuts it.

        Args:
            a: One side.
            b: The other side.
            generator: Where chance comes from; each call draws the same count of numbers.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.
        """
        a, b = self.resize(a, b)
        window = self.draw(a.shape[-2], a.shape[-1], generator)
        return self.cut(a, window), self.cut(b, window)

    def resize(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Resizes both sides, which is the part without chance: the same in every epoch.

        Args:
            a: One side, uint8 (C, H, W).
            b: The other side, of the same size.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.

        Examples:
            >>> photo = labels = torch.zeros(3, 40, 60, dtype=torch.uint8)
            >>> PairTransform(load_size=36, crop_size=32).resize(photo, labels)[0].shape
            torch.Size([3, 36, 36])
        """
        size = a.shape[-2], a.shape[-1]
        if size != (b.shape[-2], b.shape[-1]):
            other = _words((b.shape[-2], b.shape[-1]))
            raise ShapeError(f"a is {_words(size)} and b is {other}: give both sides one size")
        self.require_fit(*size)
        resized = self._resized(size)
        return _resize(a, resized, self.labels == "a"), _resize(b, resized, self.labels == "b")

    def draw(self, height: int, width: int, generator: torch.Generator) -> Window:
        """Draws what is cut out of a resized pair, and whether it is mirrored.

        Args:
            height: Height of the resized images.
            width: Their width.
            generator: Where chance comes from; three numbers are drawn, or none where `random`
                is False.
        """
        crop = _height_width("crop_size", self.crop_size)
        spare = height - crop[0], width - crop[1]
        if not self.random:
            return Window(spare[0] // 2, spare[1] // 2, mirrored=False)
        down, right, coin = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        return Window(
            int(down * (spare[0] + 1)), int(right * (spare[1] + 1)), self.mirror and coin < 0.5
        )

    def cut(self, image: Tensor, window: Window) -> Tensor:
        """Cuts a window of `crop_size` out of a resized image.

        Args:
            image: One side, (..., H, W), on any device.
            window: What `draw` gave, the same for both sides.

        Returns:
            (..., *crop_size): a view of the image unless it is mirrored.

        Examples:
            >>> image = torch.arange(6).reshape(1, 2, 3)
            >>> PairTransform(None, 2).cut(image, Window(top=0, left=1, mirrored=True))
            tensor([[[2, 1],
                     [5, 4]]])
        """
        height, width = _height_width("crop_size", self.crop_size)
        top, left, mirrored = window
        crop = image[..., top : top + height, left : left + width]
        return crop.flip(-1) if mirrored else crop

    def require_fit(self, height: int, width: int) -> None:
        """Makes sure that the crop lies within an image of this size, once it is resized.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.

        Raises:
            ShapeError: It does not; only possible with `load_size=None`.

        Examples:
            >>> PairTransform(load_size=None, crop_size=64).require_fit(64, 96)
        """
        crop = _height_width("crop_size", self.crop_size)
        if self.load_size is None and not _fits(crop, (height, width)):
            raise ShapeError(
                f"crop_size {_words(crop)} is larger than an image of {_words((height, width))}: "
                "write a smaller crop_size, or a load_size to resize images first"
            )

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        if self.load_size is None:
            return size
        if self.random:
            return _height_width("load_size", self.load_size)
        return _height_width("crop_size", self.crop_size)


def _resize(image: Tensor, size: tuple[int, int], is_labels: bool) -> Tensor:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    # Labels are Images too: older torchvision resizes a Mask by plain NEAREST, which
    # shifts it, whatever it is told.
    modes = v2.InterpolationMode
    mode = modes.NEAREST_EXACT if is_labels else modes.BICUBIC
    resized = v2.functional.resize(tv_tensors.Image(image), list(size), interpolation=mode)
    plain: Tensor = resized.as_subclass(Tensor)
    return plain


def _height_width(what: str, size: Size) -> tuple[int, int]:
    """Reads a size that may be one side of a square."""
    pair = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(pair) != 2 or any(type(side) is not int or side < 1 for side in pair):
        raise OptionError(f"{what} is {size!r}: write a positive whole number, or (height, width)")
    return pair[0], pair[1]


def _fits(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return inner[0] <= outer[0] and inner[1] <= outer[1]


def _words(size: tuple[int, int]) -> str:
    """Writes (height, width) so that nobody takes one for the other."""
    return f"{size[0]} high x {size[1]} wide"
