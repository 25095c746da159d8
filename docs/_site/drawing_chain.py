"""Draws a PatchGAN from its module: each layer's map and receptive field."""

from __future__ import annotations

from math import log2, sqrt

from _site.drawing_modules import parameter_count, passed, steps
from _site.drawing_parts import arrow, box, lines, svg, text
from ganblocks import PatchDiscriminator
from ganblocks.blocks.block import Block
from ganblocks.rf.layers import times

PITCH, MIDDLE, TALL, WIDE = 130, 70, 100, 62
SQUARE = 72  # pixels for the side of the image, where fields are drawn in it


def drawing(network: PatchDiscriminator, side: int, name: str) -> str:
    """Draws a PatchGAN as a chain from left to right.

    Args:
        network: A network on the meta device.
        side: Side of the square image that it is run on.
        name: Prefix of the drawing's identifiers.
    """
    image = (network.in_channels, side, side)
    blocks = [block for block in (*network.blocks, network.logits) if isinstance(block, Block)]
    seen = passed(network, blocks, image)
    shapes = [image, *(seen[block].given for block in blocks)]
    fields = [1, *(int(layer.size[0]) for layer in network.receptive_field.layers)]
    scale = WIDE / sqrt(max(shape[0] for shape in shapes))
    parts = []
    for index, (shape, field) in enumerate(zip(shapes, fields, strict=True)):
        x = PITCH * (index + 0.5)
        width = scale * sqrt(shape[0])
        height = 8 + (TALL - 8) * log2(shape[1]) / log2(side)
        parts.append(box(x, MIDDLE, width, height, "map" if index else "image"))
        parts.append(text(x, 140, times(shape), kind="shape"))
        parts += _field(x, field, side)
        if index:
            before = x - PITCH + scale * sqrt(shapes[index - 1][0]) / 2 + 4
            end = x - width / 2 - 4
            parts.append(arrow(f"M{before:.1f} {MIDDLE}H{end - 6:.1f}", (end, MIDDLE), "right"))
            parts.append(lines(x, 184, steps(blocks[index - 1])))
    title = f"PatchGAN of {parameter_count(network):,} parameters on an image of {times(image)}"
    description = "; ".join(
        f"{times(shape)}, whose values see {field}×{field} pixels"
        for shape, field in zip(shapes, fields, strict=True)
    )
    return svg(name, title, description, (PITCH * len(shapes), 336), parts)


def _field(x: float, field: int, side: int) -> list[str]:
    """Draws the receptive field of the middle value in a square, the image."""
    seen = max(2.0, SQUARE * min(1, field / side))
    return [
        box(x, 262, SQUARE, SQUARE, "frame"),
        box(x, 262, seen, seen, "field"),
        text(x, 316, f"sees {field}×{field}"),
    ]
