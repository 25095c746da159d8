"""Painters of the background class: sky, roof, the house next door and the street."""

from __future__ import annotations

import numpy as np

from ganblocks.data.synthetic.canvas import SIDE, Array, Box, Canvas, Color, saturate
from ganblocks.data.synthetic.layout import Plan

SKIES: dict[str, tuple[Color, Color]] = {
    "left": ((0.46, 0.56, 0.74), (0.98, 0.86, 0.70)),
    "right": ((0.32, 0.56, 0.88), (0.84, 0.92, 0.98)),
    "none": ((0.60, 0.68, 0.76), (0.90, 0.91, 0.92)),
}
"""Colors of the sky at the top and the horizon, by `Plan.neighbor`."""


def paint_surroundings(canvas: Canvas, plan: Plan) -> None:
    """Paints everything behind and around the facade."""
    _paint_sky(canvas, plan)
    if plan.neighbor != "none":
        _paint_neighbor(canvas, plan)
    _paint_roof(canvas, plan)
    _paint_street(canvas, plan.outline.y1)


def _paint_sky(canvas: Canvas, plan: Plan) -> None:
    patch = canvas.patch(Box(0, 0, SIDE, plan.outline.y1))
    top, horizon = (np.asarray(color, np.float32) for color in SKIES[plan.neighbor])
    height = saturate(patch.y / 48)[..., None]
    patch.pixels[:] = top + (horizon - top) * height
    clouds = np.sin(patch.x * 0.07 + patch.y * 0.05 + 2) * np.sin(patch.y * 0.23 - patch.x * 0.03)
    patch.blend((1.0, 1.0, 1.0), saturate(clouds) * 0.45)


def _paint_neighbor(canvas: Canvas, plan: Plan) -> None:
    left, top, right, street = plan.outline
    box = Box(0, top + 10, left, street)
    if plan.neighbor == "right":
        box = Box(right, top + 10, SIDE, street)
    patch = canvas.patch(box)
    patch.fill((0.60, 0.55, 0.50))
    rows, columns = np.mod(patch.y + box.y0, 20), np.mod(patch.x + box.x0, 10)
    patch.blend(
        (0.28, 0.31, 0.36), ((rows > 6) & (rows < 17) & (columns > 2) & (columns < 8)) * 1.0
    )
    patch.blend((0.42, 0.30, 0.26), patch.row(1.5, 3))
    near = patch.width - patch.x if plan.neighbor == "left" else patch.x
    patch.shade(0.62 + 0.30 * saturate(near / 14))


def _paint_roof(canvas: Canvas, plan: Plan) -> None:
    left, top, right, _ = plan.outline
    rise = plan.style.roof_rise
    patch = canvas.patch(Box(left, top - rise, right, top))
    slope = (patch.height - patch.y) * 0.6
    inside: Array = saturate((np.minimum(patch.x, patch.width - patch.x) - slope) / patch.pixel)
    tiles = 0.86 + 0.2 * patch.y / patch.height + 0.12 * np.sin(patch.x * np.pi / 2)
    color = np.asarray(plan.style.roof, np.float32) * tiles[..., None]
    patch.pixels += (color - patch.pixels) * inside[..., None]
    if rise > 4:
        for share in (0.22, 0.78):
            x = left + (right - left) * share
            chimney = canvas.patch(Box(x - 3, top - rise - 5, x + 3, top - rise + 3))
            chimney.fill(plan.style.roof)
            chimney.shade(1.1 - 0.5 * chimney.x / chimney.width)
            chimney.shade(1 - 0.35 * chimney.row(0.5))


def _paint_street(canvas: Canvas, street: float) -> None:
    patch = canvas.patch(Box(0, street, SIDE, SIDE))
    patch.fill((0.62, 0.61, 0.60))
    slabs = np.mod((patch.x - SIDE / 2) / (1 + 0.05 * patch.y), 10) < 0.9
    patch.shade(1 - 0.16 * slabs * (patch.y < 4.5))
    patch.shade(1 - 0.35 * saturate(1 - patch.y / 2.5))
    patch.blend((0.78, 0.77, 0.75), patch.row(4.5))
    patch.blend((0.30, 0.31, 0.33), saturate((patch.y - 5) / patch.pixel))
