"""The joint transform of pix2pix: resize, crop and mirror, with one draw for both sides."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.resizing import Fit, Size, alike, format_size, height_width, padded, resized
from ganblocks.errors import OptionError, ShapeError


class Window(NamedTuple):
    """A crop of a pair: first row and column, size, and whether it is mirrored."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool

    def crop(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the window of an image (..., H, W), resized; a view if nothing changes."""
        top, left, height, width, mirrored = self
        crop = image[..., top : top + height, left : left + width]
        crop = resized(alike(crop, image), size)
        return alike(crop.flip(-1), image) if mirrored else crop


@checked
@dataclass(frozen=True, repr=False)
class PairTransform:
    """Resizes, crops and mirrors both sides of a pair alike.

    Photos, uint8 or float in [0, 1], are resized with antialiased bicubic interpolation; label
    maps, `tv_tensors.Mask`, with nearest-exact, which creates no new colors and does not shift.

    Args:
        load_size: Size to which the pair is resized before the crop: the side of a square,
            (height, width) or `"256x512"`. None keeps the size of the files.
        crop_size: Size of the result, in the same forms; at most `load_size`.
        mirror: Whether to mirror half of the pairs, at random, left to right.
        random: False for a deterministic validation transform, without mirroring, `scale` and
            `extra`: it resizes directly to `crop_size`, or, with `load_size=None`, crops the
            center.
        resize: `"stretch"` to exactly the size; or, keeping the aspect ratio, `"cover"` fits the
            shorter side and crops the longer one, and `"contain"` fits the longer side and pads the
            shorter one by repeating the edges.
        scale: (low, high), the fraction of the area to crop before resizing to `crop_size`; None
            crops `crop_size` pixels.
        ratio: (low, high), the aspect ratio (width / height) of such a crop; log-uniform.
        extra: A transform from `torchvision.transforms.v2`, or a function of (a, b), applied to
            both cropped sides at once. It gets photos as `tv_tensors.Image`, must keep shapes and
            dtypes, and may draw from torch's global generator, which is seeded for each pair.

    Raises:
        OptionError: An argument has an invalid value, or the crop is larger than the load size.

    Examples:
        >>> from torchvision.tv_tensors import Mask
        >>> photo = torch.zeros(3, 40, 60, dtype=torch.uint8)
        >>> transform = PairTransform(load_size=36, crop_size=32, resize="cover")
        >>> a, b = transform(photo, Mask(photo[:1]), torch.Generator().manual_seed(0))
        >>> a.shape, b.shape, type(b).__name__
        (torch.Size([3, 32, 32]), torch.Size([1, 32, 32]), 'Mask')
    """

    load_size: Size | None = 286
    crop_size: Size = 256
    mirror: bool = True
    random: bool = True
    _: KW_ONLY
    resize: str = "stretch"
    scale: Sequence[float] | None = None
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    extra: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        crop, load = self._crop, self._load
        Fit(crop, self.resize)  # checks `resize`
        _require_interval("scale", (1, 1) if self.scale is None else self.scale, " <= 1")
        _require_interval("ratio", self.ratio)
        if self.random and load is not None and (crop[0] > load[0] or crop[1] > load[1]):
            raise OptionError(
                f"crop_size {format_size(crop)} is larger than load_size {format_size(load)}: "
                f"write a crop_size of at most {format_size(load)}, or a larger load_size"
            )

    def __repr__(self) -> str:
        """Returns text without addresses, because checkpoints compare it."""
        shown = [f for f in fields(self) if not f.kw_only or getattr(self, f.name) != f.default]
        values = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in shown)
        values = re.sub(" at 0x[0-9a-fA-F]+", "", " ".join(values.split()))
        return f"{type(self).__name__}({values})"

    def __call__(self, a: Tensor, b: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Resizes both sides, and crops the same random window from them.

        Args:
            a: One side, (C, H, W).
            b: The other side, of the same height and width.
            generator: Source of randomness. Each call draws three numbers, two more for `scale`,
                and one for `extra`; none if `random` is False.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.
            OptionError: `extra` fails, or changes a shape or type.
        """
        return self.draw(*self.resize_pair(a, b), generator)

    def resize_pair(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Resizes both sides: the deterministic part of the transform.

        Args:
            a: One side, (C, H, W).
            b: The other side, of the same height and width.

        Raises:
            ShapeError: The sides differ in size, or are smaller than an unresized crop.

        Examples:
            >>> photo = labels = torch.zeros(3, 40, 60, dtype=torch.uint8)
            >>> PairTransform(load_size=36, crop_size=32).resize_pair(photo, labels)[0].shape
            torch.Size([3, 36, 36])
        """
        size, other = (a.shape[-2], a.shape[-1]), (b.shape[-2], b.shape[-1])
        if size != other:
            raise ShapeError(
                f"a is {format_size(size)} and b is {format_size(other)}: make both sides the "
                "same size"
            )
        self.require_fit(*size)
        new = self._resized(a)
        return new, new if a is b else self._resized(b)  # a single image is both sides

    def _resized(self, image: Tensor) -> Tensor:
        size = self._load if self.random else self._crop
        if self._load is None or size is None:
            return alike(image, image)
        fitted = Fit(size, self.resize).apply(image)
        return padded(fitted, size) if self.resize == "contain" else fitted

    def draw(self, a: Tensor, b: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Crops both sides of a resized pair and applies `extra`: the random part of the transform.

        Args:
            a: One side, (C, H, W).
            b: The other side.
            generator: Source of randomness.

        Examples:
            >>> image = torch.arange(6).reshape(1, 2, 3)
            >>> PairTransform(None, 1, random=False).draw(image, image, torch.Generator())[0]
            tensor([[[1]]])
        """
        window = self._drawn_window(a.shape[-2], a.shape[-1], generator)
        a, b = window.crop(a, self._crop), window.crop(b, self._crop)
        if self.extra is None or not self.random:
            return a, b
        return _applied(self.extra, a, b, int(torch.randint(1 << 62, (), generator=generator)))

    def _drawn_window(self, height: int, width: int, generator: torch.Generator) -> Window:
        rows, columns = self._crop
        if not self.random:
            return Window((height - rows) // 2, (width - columns) // 2, rows, columns, False)
        y, x, coin = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        if self.scale is not None:
            (least, most), (low, high) = self.scale, self.ratio
            u, v = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
            area, ratio = height * width * (least + u * (most - least)), low * (high / low) ** v
            rows = min(max(round(sqrt(area / ratio)), 1), height)
            columns = min(max(round(sqrt(area * ratio)), 1), width)
        top, left = int(y * (height - rows + 1)), int(x * (width - columns + 1))
        return Window(top, left, rows, columns, self.mirror and coin < 0.5)

    def require_fit(self, height: int, width: int) -> None:
        """Raises unless an image of this size is large enough for the crop.

        Args:
            height: Height of the image before it is resized.
            width: Width of the image before it is resized.

        Raises:
            ShapeError: It is too small, which is only possible if nothing is resized.

        Examples:
            >>> PairTransform(load_size=None, crop_size=64).require_fit(64, 96)
        """
        is_resized = self._load is not None or (self.random and self.scale is not None)
        if not is_resized and (self._crop[0] > height or self._crop[1] > width):
            raise ShapeError(
                f"crop_size {format_size(self._crop)} is larger than an image of "
                f"{format_size((height, width))}: write a smaller crop_size, or a load_size to "
                "resize images first"
            )

    @property
    def fit(self) -> Fit | None:
        """How images are resized for a network trained with this; None if they are not."""
        return None if self._load is None else Fit(self._crop, self.resize)

    @property
    def _crop(self) -> tuple[int, int]:
        return height_width("crop_size", self.crop_size)

    @property
    def _load(self) -> tuple[int, int] | None:
        return None if self.load_size is None else height_width("load_size", self.load_size)


def _applied(extra: Callable[..., Any], a: Tensor, b: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    from torchvision.tv_tensors import Image, Mask

    # Copies: `extra` may write to them, and crops are views of cached images. Contiguous ones:
    # noise is drawn in the order of the memory.
    copies = [side.clone(memory_format=torch.contiguous_format) for side in (a, b)]
    old = [side if isinstance(side, Mask) else Image(side) for side in copies]
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs, too
            new = list(extra(*old))
        if _kinds(new) != _kinds(old):
            raise TypeError(f"it returned {_kinds(new)}")
    except Exception as error:
        text = " ".join(str(error).split())
        raise OptionError(
            f"extra raised {type(error).__name__} for {_kinds(old)}: {text}. Write a transform of "
            "torchvision.transforms.v2, or a function of (a, b), that keeps their shapes and types"
        ) from error
    return alike(new[0], a), alike(new[1], b)


def _kinds(sides: Sequence[Any]) -> str:
    kinds = ((getattr(s, "dtype", type(s)), tuple(getattr(s, "shape", ()))) for s in sides)
    return " and ".join(f"{dtype} {shape}" for dtype, shape in kinds)


def _require_interval(name: str, values: Sequence[float], limit: str = "") -> None:
    if len(values) != 2 or not 0 < values[0] <= values[1] <= (1 if limit else sys.float_info.max):
        raise OptionError(f"{name} is {values!r}: write (low, high) with 0 < low <= high{limit}")
