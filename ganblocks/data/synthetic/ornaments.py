"""Painters of what protrudes from the wall: each casts a shadow, then covers its box."""

from __future__ import annotations

import numpy as np

from ganblocks.data.synthetic.canvas import Box, Canvas, Patch, saturate
from ganblocks.data.synthetic.layout import Plan


def _raised(canvas: Canvas, plan: Plan, box: Box, length: float, strength: float) -> Patch:
    """Casts a fading shadow below a box and on the side away from the sun; returns its patch."""
    lean = length / 2 * (-1 if plan.neighbor == "left" else 1)
    x0, x1 = box.x0 + min(lean, 0), box.x1 + max(lean, 0)
    left, _, right, street = plan.outline
    patch = canvas.patch(Box(max(x0, left), box.y0, min(x1, right), min(box.y1 + length, street)))
    below = patch.y - (box.y1 - box.y0)
    edge = saturate((patch.y + 1) / 2)
    patch.shade(1 - strength * edge * saturate((length - below) / length))
    return canvas.patch(box)


def paint_cornice(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a ledge above a window, light above and dark below."""
    patch = _raised(canvas, plan, box, 4, 0.5)
    patch.fill(plan.style.trim)
    patch.shade(1.08 - 0.3 * patch.y / patch.height)


def paint_sill(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a window sill."""
    patch = _raised(canvas, plan, box, 3, 0.5)
    patch.fill(plan.style.trim)
    patch.shade(1.05 - 0.35 * (patch.y / patch.height))


def paint_balcony(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a slab, a railing and a handrail; iron bars let the window show through."""
    patch = _raised(canvas, plan, box, 5, 0.55)
    if plan.style.railing == "iron":
        patch.shade(0.6)
        patch.blend((0.07, 0.07, 0.08), saturate(1.4 - np.abs(np.mod(patch.x, 3) - 1.5) * 1.6))
        patch.blend((0.07, 0.07, 0.08), patch.row(0.5))
    else:
        patch.fill(plan.style.accent)
        patch.shade(1.12 - 0.35 * patch.y / patch.height)
        patch.shade(1 - 0.22 * saturate(1 - np.abs(np.mod(patch.x, 6) - 3)))
        patch.blend(plan.style.frame, patch.row(0.5))
    patch.blend(plan.style.trim, patch.row(patch.height - 0.75, 1.5))


def paint_deco(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a carved relief: rings around the middle, lit from above."""
    patch = _raised(canvas, plan, box, 2, 0.3)
    patch.fill(plan.style.accent)
    x, y = patch.x - patch.width / 2, patch.y - patch.height / 2
    wave = np.cos(np.hypot(np.mod(x + 3, 6) - 3, y) * 2.6)
    patch.shade(0.86 + 0.16 * wave - 0.16 * y / patch.height)
    patch.shade(1 - 0.25 * patch.frame(0.7))


def paint_molding(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a band with a profile, and with teeth if it is high enough."""
    patch = _raised(canvas, plan, box, 2 + (box.y1 - box.y0) * 0.6, 0.5)
    patch.fill(plan.style.trim)
    patch.shade(1.06 - 0.25 * patch.y / patch.height)
    patch.shade(1 - 0.3 * patch.row(patch.height - 0.5))
    if patch.height >= 4:
        teeth = saturate((np.abs(np.mod(patch.x + box.x0, 4) - 2) - 1) / patch.pixel + 0.5)
        patch.shade(1 - 0.4 * teeth * patch.row(patch.height - 2, 2))
        patch.shade(1 - 0.25 * patch.row(1.5))


def paint_pillar(canvas: Canvas, plan: Plan, box: Box) -> None:
    """Paints a round shaft between a base and a capital."""
    patch = _raised(canvas, plan, box, 3, 0.4)
    patch.fill(plan.style.trim)
    sunny = 0.65 if plan.neighbor == "left" else 0.35
    patch.shade(1.08 - 0.9 * np.square(patch.x / patch.width - sunny))
    ends = np.minimum(patch.y, patch.height - patch.y)
    patch.shade(1 - 0.35 * saturate(1 - np.abs(ends - 3)))
