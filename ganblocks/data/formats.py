"""Converts stored values to network inputs, and outputs to stored values: images."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from ganblocks.data.color_counts import has_few_colors, label_colors
from ganblocks.data.readers import Stored, as_dtype
from ganblocks.data.resizing import as_mask, is_mask
from ganblocks.errors import DataError, OptionError, listed, require_one_of
from ganblocks.pictures import as_rgb
from ganblocks.registry import Registry

SEE = "channels-and-bit-depth"

RANGES: dict[str, tuple[float, float]] = {
    "uint8": (0, 255),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
}
"""Value ranges of dtypes that use their full range; those of other dtypes are unknown."""

_TYPES = [f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64)]
_TYPES += ["float32", "float64"]

SMALL_PART = 0.1
"""Images that use a smaller fraction of the range are nearly black and need a value range."""


class SideFormat(ABC):
    """Base class: converts a file's stored values to pixels, to network inputs, and back.

    Pixels follow torchvision: (C, H, W), uint8 from 0 to 255 or float32 in [0, 1], and a
    `tv_tensors.Mask` for label maps.

    Attributes:
        channels: Channels of the network's images; None for as many as the files have.
    """

    channels: int | None
    needs_all_files = False  # to resolve the format

    @abstractmethod
    def resolved(self, stored: Sequence[Stored]) -> Self:
        """Returns the format with its unset options taken from these files.

        Args:
            stored: The values of a few files.

        Raises:
            DataError: The files differ, or do not determine an unset option.
        """

    @abstractmethod
    def decode(self, stored: Stored) -> Tensor:
        """Returns the pixels of stored values.

        Args:
            stored: The values of a file.

        Raises:
            DataError: The values do not fit this format.
        """

    @abstractmethod
    def encode(self, pixels: Tensor) -> Tensor:
        """Converts pixels (..., C, H, W) to floats in [-1, 1], (..., channels, H, W).

        Args:
            pixels: Pixels of an image or a batch.
        """

    @abstractmethod
    def restore(self, image: Tensor) -> np.ndarray:
        """Converts a network's image to stored values (H, W, C).

        Args:
            image: Floats in [-1, 1], (channels, H, W); values outside are clipped.
        """

    def colors(self, image: Tensor) -> Tensor:
        """Converts a network's image to an RGB image in [-1, 1] for viewing.

        Args:
            image: A network's image, (channels, H, W).
        """
        return as_rgb(image)

    @abstractmethod
    def describe(self, images: Sequence[Tensor]) -> str:
        """Describes the format in a few words, for the first line that training prints.

        Args:
            images: The pixels of a few images.
        """

    @abstractmethod
    def describe_pixels(self, low: float, high: float) -> str:
        """Describes the range of pixels, in stored values.

        Args:
            low: The smallest pixel.
            high: The largest pixel.
        """


FORMATS: Registry[SideFormat] = Registry("formats")
"""Formats of images by name."""

FormatLike = SideFormat | str | Mapping[str, Any]
"""A format, its name, or its spec (a dictionary or JSON text)."""


def built_format(form: FormatLike) -> SideFormat:
    """Builds a format from its name, spec or JSON text; returns a format unchanged."""
    if isinstance(form, str) and form.startswith("{"):
        try:
            form = json.loads(form)
        except json.JSONDecodeError as error:
            raise OptionError(f"the format {form} is not JSON ({error})") from None
    return form if isinstance(form, SideFormat) else FORMATS.build(form)


@FORMATS.register("image")
@dataclass(frozen=True)
class ImageFormat(SideFormat):
    """Photos, scans, renderings and colored label maps; unset options are taken from the files.

    Args:
        channels: Channels of the images. For 3 or 4, gray files are repeated; for 1, colors become
            gray (ITU-R BT.601); 2 (gray) and 4 (RGB) include alpha.
        value_range: Stored values that become -1 and 1; others are clipped. 8- and 16-bit files
            default to their full range.
        dtype: Dtype of the stored values, and of what `restore` returns.
        background: Color behind transparent pixels, one value or one per channel; without it, they
            are rejected.
        labels: Whether the images are label maps, which are resized without mixing colors.
        strict: Whether colors are rejected instead of converted to gray, as in formats taken from
            gray files.

    Raises:
        OptionError: An option has an invalid value.

    Examples:
        >>> ct = ImageFormat(value_range=(-1000, 1000), dtype="int16")
        >>> scan = Stored(np.array([[[-1000], [0], [3000]]], np.int16))
        >>> image = ct.encode(ct.decode(scan))
        >>> image
        tensor([[[-1.,  0.,  1.]]])
        >>> ct.restore(image).ravel().tolist()
        [-1000, 0, 1000]
    """

    channels: int | None = None
    value_range: Sequence[float] | None = None
    dtype: str | None = None
    background: float | Sequence[float] | None = None
    labels: bool | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.channels is not None and (type(self.channels) is not int or self.channels < 1):
            raise OptionError(f"channels is {self.channels!r}: write 1 or more, or None", see=SEE)
        for name in ("value_range", "background"):
            if isinstance(value := getattr(self, name), list):  # from JSON
                object.__setattr__(self, name, tuple(value))
        bounds = self.value_range
        if bounds is not None and not (len(bounds) == 2 and -inf < bounds[0] < bounds[1] < inf):
            raise OptionError(f"value_range is {bounds!r}: write (low, high), low < high", see=SEE)
        if self.dtype is not None:
            require_one_of("dtype", self.dtype, _TYPES, see=SEE)
        if self.background is not None:
            self._require_background(np.atleast_1d(self.background))

    def _require_background(self, values: np.ndarray) -> None:
        limits = np.iinfo if "int" in (self.dtype or "") else np.finfo
        known = limits(self.dtype or "float64")
        if not (len(values) and ((known.min <= values) & (values <= known.max)).all()):
            what = f"numbers that {self.dtype} can store" if self.dtype else "finite numbers"
            raise OptionError(
                f"background is {self.background!r}: write one value, or one for each channel, "
                f"{what}",
                see=SEE,
            )

    @override
    def resolved(self, stored: Sequence[Stored]) -> Self:
        types = sorted({file.values.dtype.name for file in stored})
        if len(types) > 1:
            raise DataError(
                f"the files have the dtypes {listed(types)}: convert them to one dtype", see=SEE
            )
        counts = [colors_of(file)[0].shape[-1] for file in stored]
        strict = self.strict or self.channels is None
        whole = replace(
            self,
            channels=self.channels or max(counts),
            dtype=self.dtype or types[0],
            strict=strict,
        )
        whole._require_range()
        if whole.labels is None:
            # Transparent pixels are rejected when the pair is read, with the file's name.
            opaque = [file._replace(alpha=None) for file in stored]
            images = [x for file in opaque if (x := whole._decoded(file)) is not None]
            whole = replace(whole, labels=bool(images) and has_few_colors(images))
        return whole

    def _decoded(self, stored: Stored) -> Tensor | None:
        try:
            return self.decode(stored)
        except DataError:  # raised again when the pair is read, with the file's name
            return None

    @override
    def decode(self, stored: Stored) -> Tensor:
        values, alpha = colors_of(stored)
        if self.dtype not in (None, values.dtype.name):
            raise DataError(f"it holds {values.dtype.name} values, not {self.dtype}: convert it")
        values = self._with_channels(values, alpha)
        channels_first = np.moveaxis(self._in_range(values), -1, 0)
        pixels = torch.from_numpy(np.require(channels_first, requirements=["C", "W"]))
        return as_mask(pixels) if self.labels else pixels

    @override
    def encode(self, pixels: Tensor) -> Tensor:
        if pixels.dtype == torch.uint8:
            return to_unit_range(pixels.as_subclass(Tensor))
        return pixels.as_subclass(Tensor) * 2 - 1

    @override
    def restore(self, image: Tensor) -> np.ndarray:
        low, high = self._range or RANGES["uint8"]
        unit = (image.detach().cpu().double().clamp(-1, 1).numpy() + 1) / 2
        values = np.moveaxis(unit, 0, -1) * (high - low) + low
        return as_dtype(values, np.dtype(self.dtype or "uint8"))

    @override
    def describe(self, images: Sequence[Tensor]) -> str:
        if self.labels or any(is_mask(image) for image in images):
            count = len(label_colors(images))
            return f"labels, {count} color{'s' if count > 1 else ''}"
        channels = self.channels or images[0].shape[0]
        kinds = {1: "gray photo", 3: "photo", 4: "RGBA photo"}
        kind = kinds.get(channels, f"image of {channels} channels")
        if self.value_range is not None:
            low, high = self.value_range
            kind += f", {self.dtype} from {low:g} to {high:g}"
        elif self.dtype != "uint8":
            kind += f", {self.dtype}"
        return kind

    @override
    def describe_pixels(self, low: float, high: float) -> str:
        least, most = self._range or RANGES["uint8"]
        if (self.dtype, self.value_range) != ("uint8", None):
            low, high = (least + x * (most - least) for x in (low, high))
        part = f"values from {low:g} to {high:g}"
        if self.value_range is None and high - low < SMALL_PART * (most - least):
            part += " (a small part: write a value_range, or classes if they are labels)"
        return f"{part}; allowed: {least:g} to {most:g}"

    @property
    def _range(self) -> tuple[float, float] | None:
        if self.value_range is None:
            return RANGES.get(self.dtype or "uint8")
        low, high = self.value_range
        return low, high

    def _require_range(self) -> None:
        if self._range is None:
            raise DataError(
                f"the files have {self.dtype} values, which have no default range: write "
                "value_range=(low, high) in their format, the values that become -1 and 1",
                see=SEE,
            )

    def _in_range(self, values: np.ndarray) -> np.ndarray:
        if values.dtype == np.uint8 and self._range == RANGES["uint8"]:
            return values
        self._require_range()
        low, high = self._range or (0, 1)
        unit = (values.astype(np.float64) - low) / (high - low)
        return unit.clip(0, 1).astype(np.float32)

    def _with_channels(self, values: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
        """Converts values to (H, W, channels), losing nothing unless requested."""
        count = values.shape[-1]
        wanted = self.channels or count
        if (wanted == count + 1 and count in (1, 3)) or (wanted, count) == (4, 1):
            full = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1
            opacity = np.full(values.shape[:2], full, values.dtype) if alpha is None else alpha
            colors = values if wanted == 2 or count == 3 else values.repeat(3, -1)
            return np.concatenate((colors, opacity[..., None]), -1)
        if (wanted, count) == (3, 1):
            values = values.repeat(3, -1)
        if alpha is not None:
            values = self._composite(values, alpha)
        if wanted == values.shape[-1]:
            return values
        if (wanted, count) == (1, 3):
            return self._gray(values)
        raise DataError(f"it has {count} channels, not {wanted}", see=SEE)

    def _composite(self, values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        full = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
        if (alpha == full).all():
            return values
        if self.background is None:
            raise DataError(
                f"it has transparent pixels (alpha from {alpha.min()} to {alpha.max()} of {full}): "
                "write the background behind them in the format, such as background=255, or read "
                f"the alpha as a channel, with channels={values.shape[-1] + 1}",
                see=SEE,
            )
        if np.size(self.background) not in (1, values.shape[-1]):
            raise DataError(
                f"its transparent pixels have {values.shape[-1]} color channels, but background is "
                f"{self.background!r}: write one value, or one for each of them",
                see=SEE,
            )
        share = alpha[..., None] / full
        behind = np.broadcast_to(np.asarray(self.background, np.float64), values.shape)
        return as_dtype(values * share + behind * (1 - share), values.dtype)

    def _gray(self, values: np.ndarray) -> np.ndarray:
        red, green, blue = (values[..., i : i + 1] for i in range(3))
        if (red == green).all() and (green == blue).all():
            return red
        if self.strict:
            raise DataError(
                "it has colors, but the other files are gray: write channels=3, or channels=1 to "
                "convert it",
                see=SEE,
            )
        weighted = red * np.float64(0.299) + green * np.float64(0.587) + blue * np.float64(0.114)
        return as_dtype(weighted, values.dtype)


def to_unit_range(image: Tensor) -> Tensor:
    """Maps uint8 pixels from 0 to 255 to floats in [-1, 1], bit-identical on every device.

    Examples:
        >>> to_unit_range(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """
    # A division would round differently on CUDA than on the CPU.
    return image.float().sub_(127.5).mul_(1 / 127.5)


def merged(files: Sequence[Stored]) -> Stored:
    """Concatenates the channels of several files of one size."""
    if len(files) == 1:
        return files[0]
    values, types, sizes, turns = [], set(), set(), set()
    for file in files:
        colors, alpha = colors_of(file)
        values.append(ImageFormat()._with_channels(colors, alpha))
        types.add(colors.dtype.name)
        sizes.add(f"{colors.shape[1]}x{colors.shape[0]}")
        turns.add(str(file.orientation))
    found_of = {"types": types, "sizes": sizes, "EXIF orientations": turns}
    for what, found in found_of.items():
        if len(found) > 1:
            raise DataError(f"the files of this side have the {what} {listed(sorted(found))}")
    return Stored(
        np.concatenate(values, -1),
        lossy=any(file.lossy for file in files),
        orientation=files[0].orientation,
    )


def as_colors(image: Tensor, formats: Iterable[SideFormat]) -> Tensor:
    """Converts an image to RGB by the first format with its number of channels."""
    for known in formats:
        if known.channels == image.shape[0]:
            return known.colors(image)
    return as_rgb(image)


def colors_of(stored: Stored) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the values (H, W, C) and the alpha; palette indices become colors."""
    if stored.palette is None:
        return stored.values, stored.alpha
    rgba = stored.palette[stored.values[..., 0]]
    colors = rgba[..., :3]
    if (colors == colors[..., :1]).all():
        colors = colors[..., :1]
    return colors, rgba[..., 3]
