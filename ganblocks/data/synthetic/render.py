"""Paints the photo and the class map of a plan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ganblocks.data.palette import CMP_PALETTE
from ganblocks.data.synthetic import openings, ornaments
from ganblocks.data.synthetic.canvas import Array, Box, Canvas, saturate
from ganblocks.data.synthetic.layout import Plan
from ganblocks.data.synthetic.surroundings import paint_surroundings
from ganblocks.data.synthetic.textures import wall_texture

Painter = Callable[[Canvas, Plan, Box], None]


def paint_wall(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints the bare wall in the building's color, between the two of its style."""
    patch = canvas.patch(box)
    first, second = (np.asarray(color, np.float32) for color in plan.style.wall)
    patch.fill(first + (second - first) * np.float32(plan.tone))
    patch.shade(wall_texture(plan.style.texture, patch.x + box.x0, patch.y + box.y0, patch.pixel))
    patch.shade(1 - 0.22 * saturate((patch.y - patch.height + 5) / patch.pixel))


_PAINTERS: dict[str, Painter] = {
    "facade": paint_wall,
    "window": openings.paint_window,
    "door": openings.paint_door,
    "cornice": ornaments.paint_cornice,
    "sill": ornaments.paint_sill,
    "balcony": ornaments.paint_balcony,
    "blind": openings.paint_blind,
    "shop": openings.paint_shop,
    "deco": ornaments.paint_deco,
    "molding": ornaments.paint_molding,
    "pillar": ornaments.paint_pillar,
}
_NUMBERS = {kind: number for number, kind in enumerate(CMP_PALETTE)}


def render(plan: Plan, size: int, rng: np.random.Generator) -> Canvas:
    """Paints a building."""
    canvas = Canvas(size)
    paint_surroundings(canvas, plan)
    for kind, box in plan.parts:
        paint = partial(_PAINTERS[kind], canvas, plan, box)
        if kind in ("window", "blind"):
            canvas.stamp(kind, box, paint)
        else:
            paint()
        canvas.classes[canvas.window(box)] = _NUMBERS[kind]
    _light(canvas, plan)
    exposure = rng.uniform(0.97, 1.03)
    grain = rng.standard_normal((size, size, 1), np.float32) * np.float32(0.012)
    canvas.photo = saturate(canvas.photo * np.float32(exposure) + grain)
    return canvas


def _light(canvas: Canvas, plan: Plan) -> None:
    patch = canvas.patch(plan.outline)
    across = patch.x / patch.width
    if plan.neighbor == "left":
        across = 1 - across
    light: Array = 1.16 - 0.24 * across - 0.2 * np.square(patch.y / patch.height)
    if plan.neighbor == "none":
        light = 1.04 + 0 * across - 0.2 * np.square(patch.y / patch.height)
    warm = np.array([0.06, 0.0, -0.08], np.float32) * (plan.neighbor == "left")
    patch.pixels *= light[..., None] * (1 + warm)
