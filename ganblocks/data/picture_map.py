"""The image formats that a trained network reads and writes, stored in its run's spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganblocks.data.base import PairedDataset
from ganblocks.data.color_counts import label_colors, sampled
from ganblocks.data.epochs import EpochDataset
from ganblocks.data.formats import ImageFormat, SideFormat, built_format
from ganblocks.data.resizing import Fit, height_width
from ganblocks.errors import OptionError, listed
from ganblocks.spec import Spec, spec_of

_KEYS = ("input", "output", "size", "resize")
_LARGEST = 2**28  # pixels


@dataclass(frozen=True)
class PictureMap:
    """The formats of a network's input and output, and its training size.

    Attributes:
        input: The format of its inputs.
        output: The format of its outputs.
        fit: How its inputs are resized; None if it was trained on images of their original size.
        colors: The colors of its inputs, if these are label maps in RGB.
    """

    input: SideFormat
    output: SideFormat
    fit: Fit | None = None
    colors: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of_data(cls, data: Any, source: str, target: str) -> PictureMap:
        """Returns the map from one key of a dataset's samples to another.

        Args:
            data: The dataset; datasets without formats have 8-bit images.
            source: The key of the input.
            target: The key of the output.
        """
        formats = data.formats if isinstance(data, EpochDataset) else {}
        read, written = (formats.get(key, ImageFormat()) for key in (source, target))
        colors = _colors(data, source) if getattr(read, "labels", False) else ()
        return cls(read, written, data.fit if formats else None, colors)

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any]) -> PictureMap:
        """Returns the map that a spec describes.

        Args:
            spec: The result of `spec`; other keys are ignored.

        Raises:
            OptionError: The spec is invalid.
        """
        if not isinstance(spec, Mapping) or (missing := [key for key in _KEYS if key not in spec]):
            lacks = f"lack {listed(missing)}" if isinstance(spec, Mapping) else f"are {spec!r}"
            raise OptionError(f"pictures {lacks}: write an object with {listed(_KEYS)}")
        fit = None
        if (size := spec["size"]) is not None:
            fit = Fit(height_width("size of the pictures", size), spec["resize"])
            if math.prod(fit.size) > _LARGEST:
                raise OptionError(f"size of the pictures is {size}: at most {_LARGEST} pixels")
        colors = spec.get("colors", [])
        if not isinstance(colors, list) or not all(map(_is_color, colors)):
            raise OptionError(f"colors of the pictures are {colors!r}: write a list of RGB colors")
        read, written = built_format(spec["input"]), built_format(spec["output"])
        return cls(read, written, fit, tuple(map(tuple, colors)))

    @property
    def spec(self) -> Spec:
        """The map as JSON."""
        size, resize = (list(self.fit.size), self.fit.resize) if self.fit else (None, "stretch")
        formats = {"input": spec_of(self.input), "output": spec_of(self.output)}
        return {**formats, "size": size, "resize": resize, "colors": list(map(list, self.colors))}


def _colors(data: EpochDataset, key: str) -> tuple[tuple[int, ...], ...]:
    """Returns the colors that some of the label maps have; none if they are not RGB."""
    if isinstance(data, PairedDataset):  # as stored, like in `describe_pairs`
        pairs = (data.pixels(0, index)[:2] for index in sampled(len(data)))
        images = [data.source_and_target(*pair)[key == "target"] for pair in pairs]
    else:
        images = [(data[0, index][key] + 1) / 2 for index in sampled(len(data))]
    return label_colors(images) if images[0].shape[0] == 3 else ()


def _is_color(value: Any) -> bool:
    channels = value if isinstance(value, list) else []
    return len(channels) == 3 and all(type(x) is int and 0 <= x <= 255 for x in channels)
