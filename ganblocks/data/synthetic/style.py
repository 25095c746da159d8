"""Styles of buildings: their architecture and their colors."""

from __future__ import annotations

from dataclasses import dataclass

from ganblocks.data.synthetic.canvas import Color

Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """One style: the architecture that the labels show, and its colors.

    Colors follow from the architecture, so they can be learned from labels.

    Attributes:
        storeys: Range of the number of storeys.
        bay: Range of the width of a column of windows, in drawing units.
        window_width: Range of a window's width, as a fraction of the column.
        window_height: Range of a window's height, as a fraction of the storey. Taller
            windows go with the second of the two `wall` colors.
        wall: Two wall colors, between which a building's color is drawn.
        texture: `"brick"`, `"blocks"`, `"plaster"`, `"panels"` or `"planks"`.
        trim: Color of ledges, bands and pillars.
        frame: Color of window frames and bars.
        door: Color of the doors.
        accent: Color of blinds, awnings, carvings and solid railings.
        roof: Color of the roof.
        roof_rise: Height of the roof in drawing units.
        bars: Window bars: `"cross"`, `"sash"`, `"pane"` or `"grid"`.
        hood: Whether windows have a cornice above them.
        blind: `"shutters"` beside, `"roller"` in the window, or none.
        balcony: Chance of a balcony at every other upper window.
        railing: `"iron"` or `"solid"`.
        deco: `"keystone"` above windows, `"panel"` between storeys, or none.
        pillars: `"bays"` between the axes, `"corners"`, or none.
        sill: Whether windows have a sill.
        bands: Storey lines with a molding: `"none"`, `"first"` or `"every"`.
        crown: Height of the molding under the roof in drawing units; 0 for none.
        shop: Chance of shops on the ground floor.
        arched: Whether windows have round tops.
    """

    storeys: tuple[int, int]
    bay: Range
    window_width: Range
    window_height: Range
    wall: tuple[Color, Color]
    texture: str
    trim: Color
    frame: Color
    door: Color
    accent: Color
    roof: Color
    roof_rise: int = 9
    bars: str = "cross"
    sill: bool = False
    hood: bool = False
    blind: str = "none"
    balcony: float = 0.0
    railing: str = "iron"
    deco: str = "none"
    pillars: str = "none"
    bands: str = "none"
    crown: int = 0
    shop: float = 0.0
    arched: bool = False


STYLES: dict[str, Style] = {
    "brick terrace": Style(
        storeys=(3, 4), bay=(17, 24), window_width=(0.40, 0.52), window_height=(0.52, 0.68),
        wall=((0.63, 0.28, 0.19), (0.49, 0.19, 0.15)), texture="brick",
        trim=(0.92, 0.88, 0.78), frame=(0.97, 0.96, 0.92), door=(0.10, 0.30, 0.22),
        accent=(0.12, 0.32, 0.24), roof=(0.30, 0.32, 0.37), bars="sash",
        sill=True, hood=True, crown=3, shop=0.25,
    ),
    "ochre villa": Style(
        storeys=(2, 4), bay=(22, 30), window_width=(0.32, 0.40), window_height=(0.46, 0.62),
        wall=((0.93, 0.71, 0.32), (0.96, 0.81, 0.52)), texture="plaster",
        trim=(0.97, 0.94, 0.86), frame=(0.95, 0.93, 0.88), door=(0.36, 0.20, 0.10),
        accent=(0.10, 0.36, 0.24), roof=(0.68, 0.30, 0.20), bars="cross",
        sill=True, blind="shutters", bands="first", crown=4, shop=0.15,
    ),
    "stone palace": Style(
        storeys=(3, 4), bay=(20, 28), window_width=(0.36, 0.46), window_height=(0.54, 0.68),
        wall=((0.74, 0.68, 0.56), (0.62, 0.57, 0.50)), texture="blocks",
        trim=(0.86, 0.81, 0.70), frame=(0.34, 0.22, 0.14), door=(0.28, 0.15, 0.09),
        accent=(0.80, 0.74, 0.62), roof=(0.36, 0.52, 0.47), bars="cross",
        deco="keystone", pillars="bays", bands="first", crown=7, arched=True,
    ),
    "white flats": Style(
        storeys=(3, 5), bay=(24, 34), window_width=(0.50, 0.66), window_height=(0.44, 0.58),
        wall=((0.96, 0.96, 0.94), (0.86, 0.90, 0.94)), texture="plaster",
        trim=(0.84, 0.85, 0.86), frame=(0.20, 0.22, 0.25), door=(0.22, 0.25, 0.28),
        accent=(0.62, 0.64, 0.66), roof=(0.45, 0.46, 0.48), roof_rise=2, bars="pane",
        blind="roller", balcony=0.9, railing="solid",
    ),
    "dark office": Style(
        storeys=(4, 5), bay=(14, 20), window_width=(0.70, 0.84), window_height=(0.50, 0.70),
        wall=((0.32, 0.35, 0.40), (0.22, 0.24, 0.28)), texture="panels",
        trim=(0.50, 0.52, 0.55), frame=(0.08, 0.09, 0.11), door=(0.12, 0.13, 0.15),
        accent=(0.86, 0.48, 0.14), roof=(0.30, 0.31, 0.33), roof_rise=2, bars="pane",
        bands="every", shop=0.9,
    ),
    "rose mansion": Style(
        storeys=(3, 4), bay=(19, 26), window_width=(0.42, 0.54), window_height=(0.48, 0.62),
        wall=((0.86, 0.54, 0.51), (0.74, 0.40, 0.42)), texture="plaster",
        trim=(0.96, 0.90, 0.84), frame=(0.94, 0.92, 0.88), door=(0.24, 0.14, 0.16),
        accent=(0.94, 0.86, 0.74), roof=(0.34, 0.30, 0.32), bars="cross",
        hood=True, balcony=0.7, deco="panel", pillars="corners", crown=5, shop=0.2,
    ),
    "mint tenement": Style(
        storeys=(4, 5), bay=(16, 22), window_width=(0.44, 0.56), window_height=(0.50, 0.64),
        wall=((0.60, 0.78, 0.65), (0.46, 0.65, 0.57)), texture="blocks",
        trim=(0.93, 0.94, 0.86), frame=(0.96, 0.95, 0.90), door=(0.42, 0.16, 0.12),
        accent=(0.92, 0.86, 0.66), roof=(0.58, 0.26, 0.20), bars="grid",
        sill=True, blind="roller", bands="every", crown=4, shop=0.6,
    ),
    "blue clapboard": Style(
        storeys=(2, 3), bay=(22, 30), window_width=(0.34, 0.44), window_height=(0.44, 0.58),
        wall=((0.36, 0.51, 0.70), (0.25, 0.38, 0.58)), texture="planks",
        trim=(0.95, 0.95, 0.94), frame=(0.98, 0.98, 0.97), door=(0.76, 0.20, 0.16),
        accent=(0.09, 0.13, 0.22), roof=(0.26, 0.24, 0.26), bars="grid",
        hood=True, blind="shutters", pillars="corners", crown=3,
    ),
}  # fmt: skip
"""The styles by name."""
