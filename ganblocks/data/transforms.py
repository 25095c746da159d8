"""The joint transform of pix2pix: resize, crop and mirror, with one draw for both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, ShapeError, require_one_of

Size = int | Sequence[int]
"""The side of a square, or (height, width)."""


class Window(NamedTuple):
    """Where to crop a pair: the first row and column, and whether it is mirrored."""

    top: int
    left: int
    mirrored: bool


@checked
@dataclass(frozen=True)
class PairTransform:
    """Resizes, crops and mirrors both sides of a pair alike.

    Photos are resized with antialiased bicubic interpolation, labels with nearest-exact, which
    creates no new colors and does not shift them against the photo.

    Args:
        load_size: Size to which the pair is resized before the crop: the side of a square or
            (height, width). None keeps the size of the files.
        crop_size: Size of the result, likewise; at most `load_size`.
        mirror: Whether to mirror half of the pairs, at random, left to right.
        labels: Which side is a label map: `"a"`, `"b"`, or None if both are photos.
        random: False makes a deterministic transform for validation and test, without mirroring:
            the pair is resized straight to `crop_size`, or, with `load_size=None`, its center is
            cropped.

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
        crop, load = self._crop, self._load
        if self.labels is not None:
            require_one_of("labels", self.labels, ("a", "b"))
        if self.random and load is not None and not _fits(crop, load):
            raise OptionError(
                f"crop_size {_format(crop)} is larger than load_size {_format(load)}: "
                f"write a crop_size of at most {_format(load)}, or a larger load_size"
            )

    def __call__(self, a: Tensor, b: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Transforms both sides: resizes them, draws a window, crops it.

        Args:
            a: One side, uint8 (C, H, W).
            b: The other side, of the same height and width.
            generator: Source of the random draw; each call draws three numbers, or none if
                `random` is False.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.
        """
        a, b = self.resize(a, b)
        window = self.draw_window(a.shape[-2], a.shape[-1], generator)
        return self.crop(a, window), self.crop(b, window)

    def resize(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Resizes both sides: the deterministic part, the same in every epoch.

        Args:
            a: One side, uint8 (C, H, W).
            b: The other side, of the same height and width.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.

        Examples:
            >>> photo = labels = torch.zeros(3, 40, 60, dtype=torch.uint8)
            >>> PairTransform(load_size=36, crop_size=32).resize(photo, labels)[0].shape
            torch.Size([3, 36, 36])
        """
        size, other = (a.shape[-2], a.shape[-1]), (b.shape[-2], b.shape[-1])
        if size != other:
            raise ShapeError(
                f"a is {_format(size)} and b is {_format(other)}: give both sides the same size"
            )
        self.require_fit(*size)
        if self._load is not None:
            size = self._load if self.random else self._crop
        resized = _resize(a, size, self.labels == "a")
        once = a is b and self.labels is None  # a single image
        return resized, resized if once else _resize(b, size, self.labels == "b")

    def draw_window(self, height: int, width: int, generator: torch.Generator) -> Window:
        """Draws where to crop a resized pair, and whether to mirror it.

        Args:
            height: Height of the resized images.
            width: Width of the resized images.
            generator: Source of the three random numbers; unused if `random` is False.

        Examples:
            >>> PairTransform(None, 4, random=False).draw_window(10, 20, torch.Generator())
            Window(top=3, left=8, mirrored=False)
        """
        rows, columns = height - self._crop[0], width - self._crop[1]
        if not self.random:
            return Window(rows // 2, columns // 2, mirrored=False)
        y, x, coin = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        return Window(int(y * (rows + 1)), int(x * (columns + 1)), self.mirror and coin < 0.5)

    def crop(self, image: Tensor, window: Window) -> Tensor:
        """Crops a window of `crop_size` from a resized image.

        Args:
            image: One side, (..., H, W), on any device.
            window: The result of `draw_window`, the same for both sides.

        Returns:
            (..., *crop_size): a view of the image unless it is mirrored.

        Examples:
            >>> image = torch.arange(6).reshape(1, 2, 3)
            >>> PairTransform(None, 2).crop(image, Window(top=0, left=1, mirrored=True))
            tensor([[[2, 1],
                     [5, 4]]])
        """
        height, width = self._crop
        top, left, mirrored = window
        crop = image[..., top : top + height, left : left + width]
        return crop.flip(-1) if mirrored else crop

    def require_fit(self, height: int, width: int) -> None:
        """Raises unless an image of this size is large enough for the crop.

        Args:
            height: Height of the image before it is resized.
            width: Width of the image before it is resized.

        Raises:
            ShapeError: It is too small; only possible with `load_size=None`.

        Examples:
            >>> PairTransform(load_size=None, crop_size=64).require_fit(64, 96)
        """
        if self._load is None and not _fits(self._crop, (height, width)):
            raise ShapeError(
                f"crop_size {_format(self._crop)} is larger than an image of "
                f"{_format((height, width))}: write a smaller crop_size, or a load_size to resize "
                "images first"
            )

    @property
    def _crop(self) -> tuple[int, int]:
        return _height_width("crop_size", self.crop_size)

    @property
    def _load(self) -> tuple[int, int] | None:
        return None if self.load_size is None else _height_width("load_size", self.load_size)


def _resize(image: Tensor, size: tuple[int, int], is_labels: bool) -> Tensor:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    # Labels are Images too: older torchvision resizes a Mask by plain NEAREST, whatever
    # `interpolation` is, and NEAREST shifts it.
    modes = v2.InterpolationMode
    mode = modes.NEAREST_EXACT if is_labels else modes.BICUBIC
    resized = v2.functional.resize(tv_tensors.Image(image), list(size), interpolation=mode)
    plain: Tensor = resized.as_subclass(Tensor)
    return plain


def _height_width(name: str, size: Size) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(pair) != 2 or any(type(side) is not int or side < 1 for side in pair):
        raise OptionError(f"{name} is {size!r}: write a positive whole number, or (height, width)")
    return pair[0], pair[1]


def _fits(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return inner[0] <= outer[0] and inner[1] <= outer[1]


def _format(size: tuple[int, int]) -> str:
    return f"{size[0]} high x {size[1]} wide"
