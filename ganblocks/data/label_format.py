"""Converts label maps to one-hot network inputs, and outputs to label maps."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from ganblocks.data.formats import FORMATS, SEE, SideFormat, colors_of
from ganblocks.data.readers import Stored
from ganblocks.data.resizing import as_mask
from ganblocks.errors import DataError, OptionError

MOST_CLASSES = 256
"""Pixels of label maps are uint8 class numbers."""


@FORMATS.register("labels")
@dataclass(frozen=True)
class LabelFormat(SideFormat):
    """Label maps by class: pixels are class numbers, and networks see one channel per class.

    Each channel is 1 at pixels of its class and -1 elsewhere.

    Args:
        classes: What the files store: a count for the ids 0, 1, …; a list of ids; a list of RGB
            colors, or a dictionary from names to colors; or `"ids"` for the ids found in the
            dataset's files. Palette indices are ids.

    Raises:
        OptionError: The classes are invalid, fewer than 2 or more than 256.

    Examples:
        >>> labels = LabelFormat([0, 7, 255])
        >>> pixels = labels.decode(Stored(np.array([[[7], [255]]], np.uint8)))
        >>> pixels.tolist(), labels.encode(pixels)[:, 0].tolist()
        ([[[1, 2]]], [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
        >>> labels.restore(labels.encode(pixels)).ravel().tolist()
        [7, 255]
    """

    classes: int | str | Sequence[Any] | Mapping[str, Any]
    _codes: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        codes, expected = self._stored_codes(), 'a count, ids, RGB colors or "ids"'
        if codes is None:
            if self.classes != "ids":
                raise OptionError(f"classes is {self.classes!r}: write {expected}", see=SEE)
            codes = np.zeros((0, 1), np.int64)
        elif not 2 <= len(codes) <= MOST_CLASSES:
            raise OptionError(
                f"the number of classes is {len(codes)}: write 2 to {MOST_CLASSES}, as {expected}",
                see=SEE,
            )
        elif len(np.unique(codes, axis=0)) < len(codes):
            raise OptionError(
                f"classes is {self.classes!r}: write each id or color only once", see=SEE
            )
        object.__setattr__(self, "_codes", codes)

    def _stored_codes(self) -> np.ndarray | None:
        """Returns the ids (K, 1) or colors (K, 3) of the classes; None if not yet known."""
        classes = self.classes
        if type(classes) is int:
            return np.arange(classes)[:, None]
        if isinstance(classes, str):
            return None
        listing = list(classes.values()) if isinstance(classes, Mapping) else classes
        try:
            codes = np.asarray(listing)
        except (TypeError, ValueError):
            return None
        codes = codes[:, None] if codes.ndim == 1 else codes
        fits = codes.dtype.kind in "iu" and codes.ndim == 2 and codes.shape[1] in (1, 3)
        return codes.astype(np.int64) if fits else None

    @property
    def channels(self) -> int | None:  # type: ignore[override]
        """Number of classes; None while unknown."""
        return len(self._codes) or None

    @property
    def needs_all_files(self) -> bool:  # type: ignore[override]
        """Whether the ids are unknown, so that all files must be read."""
        return self.channels is None

    @override
    def resolved(self, stored: Sequence[Stored]) -> Self:
        if self.channels is not None:
            return self
        ids = np.unique(np.concatenate([np.unique(self._stored(file)) for file in stored]))
        if not 2 <= len(ids) <= MOST_CLASSES:
            found = f"only the id {ids[0]}" if len(ids) == 1 else f"{len(ids)} ids"
            raise DataError(
                f"the label maps have {found}, but classes are 2 to {MOST_CLASSES}: write all ids "
                "that they may have, such as classes=[0, 7, 255], or read them as the format image",
                see=SEE,
            )
        return replace(self, classes=[int(i) for i in ids])

    @override
    def decode(self, stored: Stored) -> Tensor:
        values = self._stored(stored)
        found, inverse = np.unique(
            values.reshape(-1, values.shape[-1]), axis=0, return_inverse=True
        )
        same = (found[:, None] == self._codes).all(-1)
        classes = same.argmax(-1)
        unknown = np.flatnonzero(~same.any(-1))
        if len(unknown) and stored.lossy and self._has_colors:
            distance = np.square(found[unknown, None] - self._codes).sum(-1)
            classes[unknown] = distance.argmin(-1)
        elif len(unknown):
            kind = "color" if self._has_colors else "id"
            value = found[unknown[0]].tolist()
            raise DataError(
                f"it has the {kind} {value if self._has_colors else value[0]}, which is not a "
                f"class: classes is {self.classes!r}",
                see=SEE,
            )
        pixels = classes.astype(np.uint8)[inverse.reshape(-1)].reshape(1, *values.shape[:2])
        return as_mask(torch.from_numpy(pixels))

    @override
    def encode(self, pixels: Tensor) -> Tensor:
        plain = pixels.as_subclass(Tensor)
        numbers = torch.arange(len(self._codes), device=plain.device, dtype=torch.uint8)
        shape = (*plain.shape[:-3], len(numbers), *plain.shape[-2:])
        is_class = torch.empty(shape, device=plain.device)  # as floats: an eighth of the time
        torch.eq(plain, numbers.view(-1, 1, 1), out=is_class)
        encoded: Tensor = torch.rsub(is_class, -1, alpha=-2)  # -1 + 2 · is_class
        return encoded

    @override
    def restore(self, image: Tensor) -> np.ndarray:
        types = (np.dtype(name) for name in ("uint8", "uint16", "int16", "int64"))
        stored = next(x for x in map(self._codes.astype, types) if (x == self._codes).all())
        values: np.ndarray = stored[image.argmax(0).cpu().numpy()]
        return values

    @override
    def colors(self, image: Tensor) -> Tensor:
        palette = self._codes if self._has_colors else _distinct(len(self._codes))
        chosen = torch.from_numpy(palette).to(image.device)[image.argmax(0)]
        return chosen.movedim(-1, 0).float() / 127.5 - 1

    @override
    def describe(self, images: Sequence[Tensor]) -> str:
        return f"labels, {self.channels} classes by {'color' if self._has_colors else 'id'}"

    @override
    def describe_pixels(self, low: float, high: float) -> str:
        return f"classes {low:g} to {high:g}"

    @property
    def _has_colors(self) -> bool:
        return int(self._codes.shape[1]) == 3

    def _stored(self, file: Stored) -> np.ndarray:
        values = colors_of(file)[0] if self._has_colors else file.values
        if values.dtype.kind not in "iu":
            raise DataError(f"it holds {values.dtype.name} values: labels are whole numbers")
        wanted = self._codes.shape[1]
        if values.shape[-1] == 1 and wanted == 3:
            values = values.repeat(3, -1)
        elif values.shape[-1] == 3 and wanted == 1 and (values == values[..., :1]).all():
            values = values[..., :1]
        if values.shape[-1] != wanted:
            kind, other = ("colors", "ids") if self._has_colors else ("ids", "a list of RGB colors")
            raise DataError(
                f"it has {values.shape[-1]} channels: {kind} need {wanted}; write the classes as "
                f"{other}",
                see=SEE,
            )
        return values.astype(np.int64)


def _distinct(count: int) -> np.ndarray:
    """Returns distinct colors: hues spaced by the golden ratio, of alternating lightness."""
    hsv = [(0.618 * i % 1, 0.75, (1.0, 0.7)[i % 2] if i else 0.2) for i in range(count)]
    return np.array([[round(255 * x) for x in colorsys.hsv_to_rgb(*color)] for color in hsv])
