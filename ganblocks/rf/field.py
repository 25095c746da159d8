"""Receptive fields: which pixels of the input one output value depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ganblocks.errors import OptionError
from ganblocks.rf.layers import Layer, Number, written
from ganblocks.rf.region import InputRegion, Intervals
from ganblocks.rf.taps import Ints

Numbers = tuple[Number, ...]
Box = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FieldAnalysis:
    """The fields of all outputs of a map, and the details of the trace.

    Attributes:
        region: The input region of each position of the map (*map_size).
        input_size: Size of the traced image.
        map_size: Size of the output.
        layers: The rows of the table.
        ignored: Layers whose statistics of the whole map were ignored.
        misaligned: Layers that merge branches with different centers.
        measure: Returns the output size for another image size.
    """

    region: InputRegion
    input_size: tuple[int, ...]
    map_size: tuple[int, ...]
    layers: tuple[Layer, ...]
    ignored: tuple[str, ...]
    misaligned: tuple[str, ...]
    measure: Callable[[tuple[int, ...]], tuple[int, ...]]

    def box_at(self, index: tuple[int, ...], intervals: Intervals) -> Box:
        """Returns the box of one output; all zeros where it is empty."""
        edges = []
        for array in intervals:
            for axis, (n, length) in enumerate(zip(index, self.map_size, strict=True)):
                varies = array.varies(axis)
                if varies and not array.periodic(axis) and not 0 <= n < length:
                    raise OptionError(
                        f"index {index}: the output is {self.map_size}. Count from 0 on each axis"
                    )
                array = array.hull(axis, np.array([[n if varies else 0]]), length)
            edges.append((array.lo.item(), array.hi.item()))
        if any(end <= first for first, end in edges):
            return (0,) * (2 * len(edges))
        return (*(first for first, _ in edges), *(end for _, end in edges))


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of an output value, with an entry for each spatial axis.

    As in Araujo et al. (Distill, 2019), output i along an axis sees `size` pixels, starting at
    `stride · i − padding`. `receptive_field(network)` returns it; it can also be constructed
    directly.

    Attributes:
        size: Pixels seen; the maximum if outputs differ.
        stride: Pixels between the fields of neighboring outputs; a fraction if the output is larger
            than the input, and 0 if all outputs see the same pixels.
        padding: Pixels by which the first field extends beyond the image.
        uniform: Whether all fields have the same size and position relative to `stride · i`. If
            not, as after up-sampling, use `box`.
        aligned: Whether merging branches have the same centers.
        analysis: Data for the properties and methods below; None if constructed directly.

    Examples:
        >>> field = ReceptiveField(size=(70, 70), stride=(8, 8), padding=(23, 23))
        >>> field.box(0, 3)
        (-23, 1, 47, 71)
    """

    size: Numbers
    stride: Numbers
    padding: Numbers
    uniform: bool = True
    aligned: bool = True
    analysis: FieldAnalysis | None = field(default=None, repr=False, compare=False)

    def box(self, *index: int) -> Box:
        """Returns the half-open field of an output, as if every map continued beyond its border.

        It may extend beyond the image. If a map cannot be continued, as after attention or global
        pooling, it is the part inside the image.

        Args:
            *index: The output's index, one number for each axis.

        Returns:
            The first pixel of each axis, then one past the last of each; in 2D, (top, left, bottom,
            right).

        Raises:
            OptionError: The index has the wrong number of entries, or the output does not exist.

        Examples:
            >>> ReceptiveField((34, 34), (4, 4), (11, 11)).box(1, 0)
            (-7, -11, 27, 23)
        """
        self._require_axes(index)
        if self.analysis is not None:
            return self.analysis.box_at(index, self.analysis.region.box)
        start = [int(s * i - p) for s, i, p in zip(self.stride, index, self.padding, strict=True)]
        return (*start, *(int(a + n) for a, n in zip(start, self.size, strict=True)))

    def center(self, *index: int) -> tuple[float, ...]:
        """Returns the center of an output's field, in pixels from the center of the first pixel.

        Args:
            *index: The output's index, one number for each axis.

        Raises:
            OptionError: As for `box`.

        Examples:
            >>> ReceptiveField((70, 70), (8, 8), (23, 23)).center(0, 3)
            (11.5, 35.5)
        """
        box = self.box(*index)
        axes = len(self.size)
        return tuple((a + b - 1) / 2 for a, b in zip(box[:axes], box[axes:], strict=True))

    def support(self, *index: int) -> Box:
        """Returns the bounding box of the pixels inside the image that reach an output.

        It is exact at `input_size`, the traced size. Intermediate maps end at their borders, so
        near the border it can be smaller than the box clipped to the image.

        Args:
            *index: The output's index, one number for each axis.

        Returns:
            As for `box`; all zeros if no pixel reaches the output.

        Raises:
            OptionError: The output does not exist, or the field was constructed directly.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.support(0, 3)
            (0, 1, 47, 71)
        """
        analysis = self._analyzed()
        self._require_axes(index)
        return analysis.box_at(index, analysis.region.support)

    def supports(self) -> Ints:
        """Returns the supports of all outputs as an array (*map_size, 2 · axes).

        Raises:
            OptionError: The field was constructed directly.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.supports().shape
            (30, 30, 4)
        """
        arrays = self._analyzed().region.support
        edges = [array.lo for array in arrays] + [array.hi for array in arrays]
        boxes = np.stack([np.broadcast_to(edge, self.map_size) for edge in edges], -1)
        empty = (boxes[..., len(arrays) :] <= boxes[..., : len(arrays)]).any(-1, keepdims=True)
        return np.where(empty, 0, boxes)

    def output_size(self, *size: int) -> tuple[int, ...]:
        """Returns the output size for another image size.

        Args:
            *size: The image's size, one number for each axis.

        Raises:
            OptionError: The field was constructed directly.
            ShapeError: The image is too small for the network.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.output_size(512, 128)
            (62, 14)
        """
        return self._analyzed().measure(size)

    @property
    def input_size(self) -> tuple[int, ...]:
        """Size of the traced image."""
        return self._analyzed().input_size

    @property
    def map_size(self) -> tuple[int, ...]:
        """Output size for that image."""
        return self._analyzed().map_size

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The receptive field after each operation that changes it."""
        return self._analyzed().layers

    @property
    def ignored(self) -> tuple[str, ...]:
        """Layers whose statistics of the whole map were ignored."""
        return self._analyzed().ignored

    @property
    def misaligned(self) -> tuple[str, ...]:
        """Layers that merge branches with different centers, and the difference."""
        return self._analyzed().misaligned

    def table(self) -> str:
        """Returns the layers as a plain-text table.

        Raises:
            OptionError: The field was constructed directly.

        Examples:
            >>> from ganblocks import receptive_field
            >>> from torch import nn
            >>> print(receptive_field(nn.Conv2d(3, 8, 4, 2, 1), (64, 64)).table())
            module  operation            map    size  stride  padding
                    Conv2d     k4 s2 p1  32×32  4×4   2×2     1×1
        """
        return written(self.layers)

    def _analyzed(self) -> FieldAnalysis:
        if self.analysis is None:
            raise OptionError(
                "this receptive field was constructed directly, without a network: use "
                "receptive_field(network, (channels, height, width))"
            )
        return self.analysis

    def _require_axes(self, index: tuple[int, ...]) -> None:
        axes = len(self.analysis.map_size) if self.analysis else len(self.size)
        if len(index) != axes:
            raise OptionError(f"index {index}: write {axes} numbers, one for each output axis")
