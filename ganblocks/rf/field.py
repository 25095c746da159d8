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
    """The fields of all outputs of one map, and how they were found.

    Attributes:
        region: What each position of the map (*map_size) sees.
        input_size: Size of the image that was traced.
        map_size: Size of the output.
        layers: The rows of the table.
        ignored: Where statistics of the whole map were ignored.
        misaligned: Where branches meet whose centers differ.
        measure: Returns the output's size for an image of another size.
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
    """The input pixels that one output value depends on, an entry for each spatial axis.

    As in Araujo et al. (Distill, 2019), output i along an axis sees `size` pixels, starting at
    `stride · i − padding`. `receptive_field(network)` returns it; it can also be written by hand.

    Attributes:
        size: Pixels seen; the maximum where outputs differ.
        stride: Pixels between the fields of neighboring outputs, a fraction where the output
            is finer than the input; 0 where every output sees the same pixels.
        padding: Pixels by which the first field extends beyond the image.
        uniform: Whether every output's field has the same size and the same position relative to
            `stride · i`. If not, as after up-sampling, `box` returns each.
        aligned: Whether branches that meet have the same centers.
        analysis: What the properties and methods below need; None if written by hand.

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
        """Returns the field of one output, half-open, as if every map continued past its border.

        It may extend beyond the image. Where the map cannot continue, as after attention or
        pooling of the whole map, it is what is seen inside the image.

        Args:
            *index: The output's index, one number for each axis.

        Returns:
            The first pixel of each axis, then one past the last of each; in 2D that is
            (top, left, bottom, right).

        Raises:
            OptionError: The index has too few or too many numbers, or there is no such output.

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
        """Returns the middle of one output's field, in pixels from the middle of the first pixel.

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
        """Returns the hull of the pixels inside the image that reach one output.

        It is exact at `input_size`, the size that was traced. Every map on the way ends at its
        border, so that near the border it can be smaller than the box clipped to the image.

        Args:
            *index: The output's index, one number for each axis.

        Returns:
            As for `box`; all zeros where no pixel reaches the output.

        Raises:
            OptionError: There is no such output, or the field was written by hand.

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
            OptionError: The field was written by hand.

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
        """Returns the size of the output for an image of another size.

        Args:
            *size: The image's size, one number for each axis.

        Raises:
            OptionError: The field was written by hand.
            ShapeError: The image is too small for the network.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.output_size(512, 128)
            (62, 14)
        """
        return self._analyzed().measure(size)

    @property
    def input_size(self) -> tuple[int, ...]:
        """Size of the image that was traced."""
        return self._analyzed().input_size

    @property
    def map_size(self) -> tuple[int, ...]:
        """Size of the output for that image."""
        return self._analyzed().map_size

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What the map sees after each operation that changes it."""
        return self._analyzed().layers

    @property
    def ignored(self) -> tuple[str, ...]:
        """Where statistics of the whole map were ignored."""
        return self._analyzed().ignored

    @property
    def misaligned(self) -> tuple[str, ...]:
        """Where branches meet whose centers differ, and by how much."""
        return self._analyzed().misaligned

    def table(self) -> str:
        """Returns the layers as a table of plain text.

        Raises:
            OptionError: The field was written by hand.

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
                "this receptive field was written by hand and belongs to no network: use "
                "receptive_field(network, (channels, height, width))"
            )
        return self.analysis

    def _require_axes(self, index: tuple[int, ...]) -> None:
        axes = len(self.analysis.map_size) if self.analysis else len(self.size)
        if len(index) != axes:
            raise OptionError(f"index {index}: write {axes} numbers, one for each output axis")
