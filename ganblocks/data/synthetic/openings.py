"""Painters of openings in the wall, windows, doors and shops, and of their blinds."""

from __future__ import annotations

import numpy as np

from ganblocks.data.synthetic.canvas import Array, Box, Canvas, Patch, saturate
from ganblocks.data.synthetic.layout import Plan
from ganblocks.data.synthetic.surroundings import SKIES

_BARS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "cross": ((0.5,), (0.34,)),
    "sash": ((0.5,), (0.5,)),
    "grid": ((0.5,), (0.33, 0.67)),
    "pane": ((0.35,), ()),
}
"""Positions of a window's bars: fractions of its width, fractions of its height."""


def paint_window(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints glass that reflects the sky, bars, a frame, and the reveal's shadow."""
    patch = canvas.patch(box)
    _paint_glass(patch, plan)
    columns, rows = _BARS[plan.style.bars]
    for share in columns:
        patch.blend(plan.style.frame, patch.column(round(share * patch.width * 2) / 2))
    for share in rows:
        patch.blend(plan.style.frame, patch.row(round(share * patch.height) + 0.5))
    patch.blend(plan.style.frame, patch.frame())
    _shade_reveal(patch, plan)
    if plan.style.arched:
        _round_top(patch, plan)


def paint_door(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a double door with panels under a fanlight."""
    patch = canvas.patch(box)
    patch.fill(plan.style.door)
    light = patch.height * 0.26
    wing = patch.width / 2
    u = np.abs(np.mod(patch.x, wing) / wing - 0.5)
    v = np.abs(
        np.mod(patch.y - light, (patch.height - light) / 2) / (patch.height - light) * 2 - 0.5
    )
    ring = np.maximum(u, v)
    patch.shade(1 + 0.5 * ((ring > 0.22) & (ring < 0.34)) * (patch.y > light))
    fan = canvas.patch(Box(box.x0, box.y0, box.x1, box.y0 + light))
    _paint_glass(fan, plan)
    fan.blend(plan.style.frame, fan.column(fan.width / 2))
    patch.blend(plan.style.frame, patch.row(light))
    patch.shade(1 - 0.5 * patch.column(wing))
    patch.blend(plan.style.trim, patch.frame())
    patch.blend((0.9, 0.78, 0.4), patch.column(wing + 1) * patch.row(light + patch.height * 0.38))
    _shade_reveal(patch, plan)
    if plan.style.arched:
        _round_top(patch, plan)


def paint_shop(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a lit shop window under a sign and a striped awning."""
    patch = canvas.patch(box)
    glow = saturate(1.1 - np.abs(patch.x / patch.width - 0.5) * 1.4) * (patch.y / patch.height)
    patch.fill((0.20, 0.19, 0.20))
    patch.blend((1.0, 0.82, 0.52), glow * 0.75)
    goods = np.sin(patch.x * 1.9) * np.sin(patch.x * 0.7 + 1) > 0.1
    patch.shade(1 - 0.55 * goods * (patch.y > patch.height * 0.72))
    streak = np.abs(np.mod(patch.x + patch.y * 0.7, 13) - 4) < 1.6
    patch.blend(SKIES[plan.neighbor][1], streak * 0.3)
    for share in (1 / 3, 2 / 3):
        patch.blend(plan.style.frame, patch.column(round(share * patch.width) + 0.5))
    patch.blend(plan.style.frame, patch.frame())
    sign, awning = 3.0, patch.height * 0.26
    patch.shade(1 - 0.6 * saturate(1 - (patch.y - sign - awning) / 3))
    stripes = saturate((np.abs(np.mod(patch.x, 4) - 2) - 1) / patch.pixel + 0.5)
    cover = saturate((sign + awning - patch.y) / patch.pixel + 0.5)
    patch.blend((0.96, 0.94, 0.90), cover)
    patch.blend(plan.style.accent, cover * stripes)
    patch.shade(1 - 0.3 * cover * saturate((patch.y - sign) / awning))
    patch.blend(plan.style.door, saturate((sign - patch.y) / patch.pixel + 0.5))
    letters = np.sin(patch.x * 2.1) + np.sin(patch.x * 1.3) > 0.2
    patch.blend(
        (0.98, 0.95, 0.85), letters * patch.row(1.5) * (np.abs(patch.x / patch.width - 0.5) < 0.36)
    )


def paint_blind(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints slats: shutters in the accent color, or a roller blind."""
    patch = canvas.patch(box)
    patch.fill(plan.style.accent)
    patch.shade(0.78 + 0.42 * saturate(1.5 - np.abs(np.mod(patch.y, 2) - 0.5) * 1.5))
    if plan.style.blind == "shutters":
        patch.shade(1 - 0.3 * patch.frame(0.8))
    else:
        patch.shade(1 - 0.45 * saturate(1 - patch.y / 2.5))
        patch.shade(1 - 0.4 * patch.row(patch.height - 0.5))


def _paint_glass(patch: Patch, plan: Plan) -> None:
    """Paints glass: dark below, sky above, and more sky the higher the window is."""
    outline = plan.outline
    rise = saturate((outline.y1 - patch.box.y0 - patch.y) / (outline.y1 - outline.y0))
    mirror: Array = saturate((1 - patch.y / patch.height) * 0.7 + 0.1) * (0.3 + 0.8 * rise)
    streak = np.abs(patch.x + patch.y * 0.6 - patch.width * 0.7) < patch.width * 0.13
    patch.fill((0.10, 0.13, 0.17))
    patch.blend(SKIES[plan.neighbor][0], saturate(mirror))
    patch.blend(SKIES[plan.neighbor][1], streak * (0.15 + 0.3 * rise))


def _shade_reveal(patch: Patch, plan: Plan) -> None:
    """Shades the top and the sunny side, because the wall is thick."""
    sunny = patch.width - patch.x if plan.neighbor == "left" else patch.x
    patch.shade(1 - 0.5 * saturate(1.5 - patch.y / 1.5))
    patch.shade(1 - 0.35 * saturate(1.5 - sunny))


def _round_top(patch: Patch, plan: Plan) -> None:
    radius = patch.width / 2
    distance = np.hypot(patch.x - radius, np.minimum(patch.y - radius, 0))
    patch.blend(plan.style.trim, saturate((distance - radius + 0.5) / patch.pixel))
