"""Draws a U-Net from its module: the map of every level."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, sqrt
from typing import Any

from _site.drawing_modules import Passed, in_words, parameter_count, passed, steps
from _site.drawing_parts import arrow, box, lines, svg, text, wrapped
from ganblocks import UNetGenerator
from ganblocks.rf.layers import times

WIDTH, TOP, PITCH = 780, 46, 94
LEFT, MIDDLE, RIGHT = 216, 385, 554
"""Horizontal positions of the encoder, the bottleneck and the decoder."""


class UNetDrawing:
    """The drawing of a U-Net, with the encoder on the left and the decoder on the right.

    Args:
        network: A network on the meta device.
        side: Side of the square image that it is run on.
        name: Prefix of the drawing's identifiers.
    """

    def __init__(self, network: UNetGenerator, side: int, name: str) -> None:
        self.network = network
        self.name = name
        self.image = (network.in_channels, side, side)
        self.down: list[Any] = list(network.down)
        self.up: list[Any] = list(network.up)
        self.depth = len(self.down)
        seen = passed(network, [*self.down, *self.up], self.image)
        self.encoded = [seen[block].given for block in self.down]
        self.decoded: list[Passed] = [seen[block] for block in self.up]
        widest = max(shape[0] for shape in self.encoded)
        self.scale = 76 / sqrt(widest)

    def svg(self) -> str:
        """Returns the drawing."""
        parameters = parameter_count(self.network)
        title = f"U-Net of {parameters:,} parameters on an image of {times(self.image)}"
        description = (
            f"The encoder returns {', '.join(times(shape) for shape in self.encoded)}. "
            f"The decoder returns {', '.join(times(one.given) for one in self.decoded)}. "
            f"Skips: {self.network.skip}."
        )
        parts = [self._map(LEFT, 0, self.image, "image"), self._caption(LEFT, 0, self.image)]
        for level in range(1, self.depth):
            parts += self._encoder(level)
        parts += self._bottleneck()
        for level in range(self.depth - 1, -1, -1):
            parts += self._decoder(level)
        size = (WIDTH, int(self._y(self.depth) + 46))
        return svg(self.name, title, description, size, parts)

    def _encoder(self, level: int) -> list[str]:
        shape = self.encoded[level - 1]
        return [
            self._flow(LEFT, level, "down"),
            lines(LEFT - 12, self._between(level), wrapped(steps(self.down[level - 1]), 26), "end"),
            self._map(LEFT, level, shape, "map"),
            self._caption(LEFT, level, shape),
        ]

    def _bottleneck(self) -> list[str]:
        level, shape = self.depth, self.encoded[-1]
        y, half = self._y(level), self._width(shape) / 2
        above = self._below_caption(level - 1)
        into, out = MIDDLE - half - 4, MIDDLE + half + 4
        return [
            arrow(
                f"M{LEFT} {above:.1f}V{y - 12:.1f}q0 12 12 12H{into - 6:.1f}", (into, y), "right"
            ),
            lines(LEFT - 12, self._between(level), wrapped(steps(self.down[-1]), 26), "end"),
            self._map(MIDDLE, level, shape, "map"),
            self._caption(MIDDLE, level, shape),
            arrow(
                f"M{out:.1f} {y:.1f}H{RIGHT - 12}q12 0 12 -12V{above + 6:.1f}", (RIGHT, above), "up"
            ),
        ]

    def _decoder(self, level: int) -> list[str]:
        """Draws the decoder map of a level, and the steps that lead to it."""
        index = self.depth - 1 - level
        shape = self.decoded[index].given
        labels = steps(self.up[index])
        if str(index) in self.network.attention:
            labels.append("attention")
        if not level:
            labels.append(in_words(self.network.last_activation))
        parts = [lines(RIGHT + 12, self._between(level + 1), wrapped(labels, 26), "start")]
        if level + 1 < self.depth:
            parts.append(self._flow(RIGHT, level + 1, "up"))
        if not level:
            return [*parts, self._map(RIGHT, 0, shape, "image"), self._caption(RIGHT, 0, shape)]
        joined = self.decoded[index + 1].taken
        words = [times(shape)] if joined == shape else [times(shape), f"joined {times(joined)}"]
        return [*parts, *self._joined(level, shape), self._caption(RIGHT, level, *words)]

    def _joined(self, level: int, shape: Sequence[int]) -> list[str]:
        """Draws a decoder map and its skip."""
        skip = self.encoded[level - 1]
        y = self._y(level)
        beside = self.network.skip == "concat"
        own = RIGHT + self._width(shape) / 2 if beside else RIGHT
        parts = [self._map(own, level, shape, "map")]
        if self.network.skip == "none":
            return parts
        if beside:
            parts.append(self._map(RIGHT - self._width(skip) / 2, level, skip, "skip"))
        start = LEFT + self._width(skip) / 2 + 4
        end = RIGHT - self._width(skip) / (1 if beside else 2) - 4
        bow = f"M{start:.1f} {y:.1f}C{start + 60:.1f} {y - 18:.1f} {end - 66:.1f} {y - 18:.1f} "
        parts.append(arrow(f"{bow}{end - 6:.1f} {y:.1f}", (end, y), "right", "arc"))
        how = "+" if self.network.skip == "add" else "skip"
        parts.append(text((start + end) / 2, y - 19, f"{how} {times(skip)}"))
        return parts

    def _flow(self, x: float, level: int, towards: str) -> str:
        """Draws the arrow between the map of a level and the one above it."""
        upper, lower = self._below_caption(level - 1), self._y(level) - self._height(level) / 2 - 4
        if towards == "down":
            return arrow(f"M{x} {upper:.1f}V{lower - 6:.1f}", (x, lower), "down")
        return arrow(f"M{x} {lower:.1f}V{upper + 6:.1f}", (x, upper), "up")

    def _map(self, x: float, level: int, shape: Sequence[int], kind: str) -> str:
        return box(x, self._y(level), self._width(shape), self._height(level), kind)

    def _caption(self, x: float, level: int, *words: Sequence[int] | str) -> str:
        y = self._y(level) + self._height(level) / 2 + 15
        labels = (word if isinstance(word, str) else times(word) for word in words)
        return text(x, y, ", ".join(labels), kind="shape")

    def _y(self, level: int) -> float:
        return TOP + PITCH * level

    def _between(self, level: int) -> float:
        """Returns the middle of the arrow above a level."""
        return (self._below_caption(level - 1) + self._y(level) - self._height(level) / 2) / 2

    def _below_caption(self, level: int) -> float:
        return self._y(level) + self._height(level) / 2 + 21

    def _height(self, level: int) -> float:
        side = self.image[1] if level == 0 else self.encoded[level - 1][1]
        return 8 + 36 * log2(side) / log2(self.image[1])

    def _width(self, shape: Sequence[int]) -> float:
        return self.scale * sqrt(shape[0])
