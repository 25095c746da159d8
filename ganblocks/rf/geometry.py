"""Receptive fields: which pixels of the input one output value depends on."""

from __future__ import annotations

from dataclasses import dataclass, field

from ganblocks.errors import OptionError
from ganblocks.rf.found import Found
from ganblocks.rf.layers import Layer, Number, written
from ganblocks.rf.span import Ints

Numbers = tuple[Number, ...]
Box = tuple[int, ...]


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that one output value depends on, an entry for each spatial axis.

    The words are those of Araujo et al. (Distill, 2019): output i along an axis sees the
    pixels from `stride · i − padding` on, `size` of them. `receptive_field(network)` finds them;
    by hand they are written as below.

    Attributes:
        size: Pixels seen; where outputs differ, the most.
        stride: Pixels between the fields of neighboring outputs, a fraction where the output
            is finer than the input; 0 where every output sees the same.
        padding: Pixels by which the first field reaches out of the image.
        uniform: Whether every output's field has the same size and the same place relative to
            `stride · i`. Where it has not, as behind up-sampling, `box` tells each.
        aligned: Whether branches that meet have the same centers.
        found: What the walk knows beyond that, which the properties below give; None for a field
            that was written by hand.

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
    found: Found | None = field(default=None, repr=False, compare=False)

    def box(self, *index: int) -> Box:
        """Returns the field of one output, half-open, as if every map went on beyond its border.

        It may leave the image. Where the map cannot go on, as behind attention or pooling of the
        whole map, it is what is seen inside the image.

        Args:
            *index: The output's place, one number for each axis.

        Returns:
            The first pixel of each axis, then one past the last of each; in 2D that is
            (top, left, bottom, right).

        Raises:
            OptionError: The index has too few or too many numbers, or names no output.

        Examples:
            >>> ReceptiveField((34, 34), (4, 4), (11, 11)).box(1, 0)
            (-7, -11, 27, 23)
        """
        if self.found is not None:
            return self.found.box(index)
        self._require_axes(index)
        start = tuple(
            int(s * i - p) for s, i, p in zip(self.stride, index, self.padding, strict=True)
        )
        return start + tuple(int(a + n) for a, n in zip(start, self.size, strict=True))

    def center(self, *index: int) -> tuple[float, ...]:
        """Returns the middle of one output's field, in pixels from the middle of the first pixel.

        Args:
            *index: The output's place, one number for each axis.

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

        It is exact at the size that was walked, `input_size`: every map on the way ends at its
        border, so that near the border it can be smaller than the box cut off there.

        Args:
            *index: The output's place, one number for each axis.

        Returns:
            As for `box`; all zeros where no pixel reaches the output.

        Raises:
            OptionError: The index names no output, or the field was written by hand.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.support(0, 3)
            (0, 1, 47, 71)
        """
        return self._found().support(index)

    def supports(self) -> Ints:
        """Returns the supports of all outputs at once, as an array (*map_size, 2 · axes).

        Raises:
            OptionError: The field was written by hand.

        Examples:
            >>> from ganblocks import PatchDiscriminator
            >>> PatchDiscriminator(6, base_channels=2).receptive_field.supports().shape
            (30, 30, 4)
        """
        return self._found().supports()

    def output_size(self, *size: int) -> tuple[int, ...]:
        """Returns the size of the output of an image of another size.

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
        return self._found().measure(size)

    @property
    def input_size(self) -> tuple[int, ...]:
        """Size of the image that was walked."""
        return self._found().input_size

    @property
    def map_size(self) -> tuple[int, ...]:
        """Size of the output of that image."""
        return self._found().map_size

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What the map sees after each operation that changes it."""
        return self._found().layers

    @property
    def ignored(self) -> tuple[str, ...]:
        """Where statistics of the whole map were ignored."""
        return self._found().ignored

    @property
    def misaligned(self) -> tuple[str, ...]:
        """Where branches meet whose centers differ, and by how much."""
        return self._found().misaligned

    def table(self) -> str:
        """Writes the layers as a table.

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

    def _found(self) -> Found:
        if self.found is None:
            raise OptionError(
                "this receptive field was written by hand and knows of no network: take that of "
                "receptive_field(network, (channels, height, width))"
            )
        return self.found

    def _require_axes(self, index: tuple[int, ...]) -> None:
        if len(index) != len(self.size):
            raise OptionError(
                f"index {index}: write {len(self.size)} numbers, one for each axis of the output"
            )
