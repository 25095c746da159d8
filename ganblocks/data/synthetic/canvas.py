"""A canvas in units of 1/128 of its side, so that drawings work at any resolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Color = tuple[float, float, float]

SIDE = 128
"""Side of an image in drawing units."""


class Box(NamedTuple):
    """A rectangle in drawing units: left, top, right, bottom; half-open, y down."""

    x0: float
    y0: float
    x1: float
    y1: float


class Patch:
    """The pixels of one box, with their coordinates.

    Attributes:
        pixels: The photo's pixels, a view, (h, w, 3), about 0...1.
        x: Distance of pixel centers from the left edge, (1, w), in drawing units like all below.
        y: Distance of pixel centers from the top edge, (h, 1).
        width: Width of the box.
        height: Height of the box.
        pixel: Size of a pixel.
    """

    def __init__(self, pixels: Array, box: Box, x: Array, y: Array, pixel: float) -> None:
        self.pixels = pixels
        self.box = box
        self.x = x
        self.y = y
        self.width = box.x1 - box.x0
        self.height = box.y1 - box.y0
        self.pixel = pixel

    def fill(self, color: Color | Array) -> None:
        """Paints every pixel."""
        self.pixels[:] = np.asarray(color, np.float32)

    def blend(self, color: Color, alpha: Array | float) -> None:
        """Paints with an opacity 0...1, a number or an array that broadcasts to (h, w)."""
        alpha = np.asarray(alpha, np.float32)[..., None]
        self.pixels += (np.asarray(color, np.float32) - self.pixels) * alpha

    def shade(self, factor: Array | float) -> None:
        """Multiplies brightness by a number or an array that broadcasts to (h, w)."""
        self.pixels *= np.asarray(factor, np.float32)[..., None]

    def row(self, center: float, width: float = 1.0) -> Array:
        """Returns the opacity, (h, 1), of a horizontal line at `center` units from the top."""
        return _cover(self.y, center, width, self.pixel)

    def column(self, center: float, width: float = 1.0) -> Array:
        """Returns the opacity, (1, w), of a vertical line at `center` units from the left."""
        return _cover(self.x, center, width, self.pixel)

    def frame(self, width: float = 1.0) -> Array:
        """Returns the opacity, (h, w), of the rim of the box, `width` units wide."""
        x = np.minimum(self.x, self.width - self.x)
        y = np.minimum(self.y, self.height - self.y)
        return saturate((width - np.minimum(x, y)) / self.pixel + 0.5)


class Canvas:
    """A photo and its class map, drawn box by box."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.scale = size / SIDE
        self.photo: Array = np.zeros((size, size, 3), np.float32)
        self.classes: npt.NDArray[np.uint8] = np.zeros((size, size), np.uint8)
        self._stamps: dict[tuple[object, ...], Array] = {}
        self._centers = ((np.arange(size) + 0.5) / self.scale).astype(np.float32)

    def window(self, box: Box) -> tuple[slice, slice]:
        """Returns the rows and columns of a box, at least one of each."""
        scale, size = self.scale, self.size
        left, top = round(box.x0 * scale), round(box.y0 * scale)
        right, bottom = round(box.x1 * scale), round(box.y1 * scale)
        return (
            slice(max(top, 0), min(max(bottom, top + 1), size)),
            slice(max(left, 0), min(max(right, left + 1), size)),
        )

    def patch(self, box: Box) -> Patch:
        """Returns the part of the photo inside a box, to draw on."""
        rows, columns = self.window(box)
        return Patch(
            self.photo[rows, columns],
            box,
            self._centers[None, columns] - np.float32(box.x0),
            self._centers[rows, None] - np.float32(box.y0),
            1 / self.scale,
        )

    def stamp(self, kind: str, box: Box, paint: Callable[[], None]) -> None:
        """Paints a box, or copies an equal one in the same row."""
        target = self.photo[self.window(box)]
        key = (kind, box.y0, target.shape)
        if key in self._stamps:
            target[:] = self._stamps[key]
        else:
            paint()
            self._stamps[key] = target.copy()


def saturate(values: Array) -> Array:
    """Clips values to 0...1."""
    return np.minimum(np.maximum(values, np.float32(0)), np.float32(1))


def _cover(distance: Array, center: float, width: float, pixel: float) -> Array:
    return saturate((width / 2 - np.abs(distance - center)) / pixel + 0.5)
