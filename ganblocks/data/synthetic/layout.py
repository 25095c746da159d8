"""Plans a facade: boxes on a grid of storeys and window axes, in painting order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ganblocks.data.synthetic.canvas import SIDE, Box
from ganblocks.data.synthetic.style import STYLES, Style


class Part(NamedTuple):
    """One labeled box; `kind` is a class of `CMP_PALETTE`."""

    kind: str
    box: Box


@dataclass
class Plan:
    """A building: its style, its outline, and its parts in painting order.

    Attributes:
        outline: The box of the facade.
        neighbor: `"left"`, `"right"` or `"none"`; the sun shines from the other side.
        tone: Position of the wall color between the two of the style, 0...1.
    """

    style: Style
    outline: Box
    neighbor: str
    tone: float
    parts: list[Part] = field(default_factory=list)

    def add(self, kind: str, x0: float, y0: float, x1: float, y1: float) -> None:
        """Puts a box in front of all others."""
        self.parts.append(Part(kind, Box(x0, y0, x1, y1)))


class Grid(NamedTuple):
    """Positions of storeys and window axes, in drawing units.

    Attributes:
        axes: Centers of the columns of windows, left to right.
        bay: Width of a column.
        lines: Floors of the upper storeys, top to bottom.
        width: Width of a window.
        height: Height of an upper window.
    """

    axes: list[int]
    bay: float
    lines: list[int]
    width: int
    height: int


def plan_building(rng: np.random.Generator) -> Plan:
    """Plans a random building of a random style."""
    style = list(STYLES.values())[rng.integers(len(STYLES))]
    neighbor = ("left", "right", "none")[rng.integers(3)]
    gap = int(rng.integers(10, 22))
    outline = Box(
        gap if neighbor == "left" else 0,
        int(rng.integers(16, 34)),
        SIDE - gap if neighbor == "right" else SIDE,
        SIDE - int(rng.integers(8, 13)),
    )
    plan = Plan(style, outline, neighbor, tone=float(rng.random()))
    grid = _draw_grid(plan, rng)
    plan.add("facade", *outline)
    for line in grid.lines:
        shift = int(rng.integers(2))
        for i, axis in enumerate(grid.axes):
            balcony = rng.random() < style.balcony and (i + shift) % 2 == 0
            _add_window(plan, rng, grid, axis, line - 4 - grid.height, line - 4, balcony=balcony)
    _add_ground_floor(plan, rng, grid)
    _add_bands(plan, grid)
    _add_pillars(plan, grid)
    return plan


def _draw_grid(plan: Plan, rng: np.random.Generator) -> Grid:
    style, (left, top, right, street) = plan.style, plan.outline
    count = round((right - left) / rng.uniform(*style.bay))
    bay = (right - left) / count
    storeys = int(rng.integers(style.storeys[0], style.storeys[1] + 1))
    storey = round((street - top - style.crown) / (storeys + 0.25))
    low, high = style.window_height
    return Grid(
        axes=[round(left + (i + 0.5) * bay) for i in range(count)],
        bay=bay,
        lines=[round(top) + style.crown + storey * (i + 1) for i in range(storeys - 1)],
        width=max(4, round(bay * rng.uniform(*style.window_width))),
        height=max(5, round(storey * (low + (high - low) * plan.tone))),
    )


def _add_window(
    plan: Plan, rng: np.random.Generator, grid: Grid, axis: int, top: float, base: float,
    *, balcony: bool,
) -> None:  # fmt: skip
    style, height = plan.style, base - top
    left, right = axis - grid.width // 2, axis + (grid.width + 1) // 2
    plan.add("window", left, top, right, base)
    if style.blind == "shutters":
        wing = max(2, round(grid.width * 0.45))
        plan.add("blind", left - wing, top, left, base)
        plan.add("blind", right, top, right + wing, base)
    elif style.blind == "roller" and rng.random() < 0.4:
        plan.add("blind", left, top, right, top + round(height * rng.choice([0.35, 0.6])))
    if style.deco == "keystone":
        plan.add("deco", axis - 2, top - 3, axis + 2, top + 1)
    if style.hood:
        plan.add("cornice", left - 2, top - 2, right + 2, top)
    if balcony:
        plan.add("balcony", left - 3, base - max(4, round(height * 0.4)), right + 3, base + 2)
    elif style.sill:
        plan.add("sill", left - 1, base, right + 1, base + 2)
    elif style.deco == "panel":
        plan.add("deco", left, base + 1, right, base + 5)


def _add_ground_floor(plan: Plan, rng: np.random.Generator, grid: Grid) -> None:
    style, street, count = plan.style, plan.outline.y1, len(grid.axes)
    height = street - grid.lines[-1]
    head = grid.lines[-1] + max(4, round(height * 0.22))
    entrance = int(rng.choice([0, count // 2, count - 1]))
    shops = rng.random() < style.shop
    for i, axis in enumerate(grid.axes):
        if i == entrance:
            half = max(4, min(round(grid.bay * 0.3), 7))
            plan.add("door", axis - half, head, axis + half, street)
            if style.hood or style.deco != "none":
                plan.add("deco", axis - half - 1, head - 3, axis + half + 1, head)
        elif shops:
            half = round(grid.bay * 0.42)
            plan.add("shop", axis - half, head - 1, axis + half, street - 1)
        else:
            base = street - max(5, round(height * 0.28))
            _add_window(plan, rng, grid, axis, head, base, balcony=False)


def _add_bands(plan: Plan, grid: Grid) -> None:
    style, (left, top, right, _) = plan.style, plan.outline
    lines = {"none": [], "first": grid.lines[-1:], "every": grid.lines}[style.bands]
    for line in lines:
        plan.add("molding", left, line - 1, right, line + 2)
    if style.crown:
        plan.add("molding", left, top, right, top + style.crown)


def _add_pillars(plan: Plan, grid: Grid) -> None:
    style, (left, top, right, street) = plan.style, plan.outline
    if style.pillars == "bays":
        for axis in grid.axes[1:]:
            middle = round(axis - grid.bay / 2)
            plan.add("pillar", middle - 2, top + style.crown, middle + 2, grid.lines[-1] - 1)
    elif style.pillars == "corners":
        plan.add("pillar", left, top + style.crown, left + 4, street)
        plan.add("pillar", right - 4, top + style.crown, right, street)
