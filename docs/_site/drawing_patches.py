"""Draws what logits see of a photo: lit in it, and hatched where they see padding."""

from __future__ import annotations

from collections.abc import Sequence

from _site.drawing_parts import svg

MARGIN = 8


def drawing(
    name: str,
    photo: str,
    side: int,
    stops: Sequence[Sequence[Sequence[int]]],
    shown: int,
    title: str,
    description: str,
) -> str:
    """Draws the boxes of several stops over one photo, at the same scale.

    Args:
        name: Prefix of the drawing's identifiers.
        photo: Path of the photo, relative to the page.
        side: Side of the photo in pixels.
        stops: For each stop the boxes of some logits, (top, left, bottom, right).
        shown: Index of the stop that is not hidden.
        title: A title.
        description: A description.
    """
    boxes = [box for stop in stops for box in stop]
    before = MARGIN - min(0, *(min(box[:2]) for box in boxes))
    beyond = MARGIN + max(side, *(max(box[2:]) for box in boxes))
    parts = [_definitions(name, photo, side)]
    for index, stop in enumerate(stops):
        hidden = "" if index == shown else ' hidden=""'
        inside = "".join(_stop(f"{name}-{index}", name, side, stop))
        parts.append(f'<g data-stop="{index}"{hidden}>{inside}</g>')
    moved = f'<g transform="translate({before} {before})">{"".join(parts)}</g>'
    return svg(name, title, description, (before + beyond, before + beyond), [moved])


def _definitions(name: str, photo: str, side: int) -> str:
    lines = '<path d="M-2 10L10 -2M6 18L18 6M-2 2L2 -2"/>'
    pattern = 'width="8" height="8" patternUnits="userSpaceOnUse"'
    return (
        f'<defs><image id="{name}-photo" href="{photo}" width="{side}" height="{side}"/>'
        f'<pattern id="{name}-hatch" {pattern}>{lines}</pattern></defs>'
    )


def _stop(own: str, name: str, side: int, boxes: Sequence[Sequence[int]]) -> list[str]:
    rects = [_rect(box) for box in boxes]
    lit = "".join(f"<rect {rect}/>" for rect in rects)
    photo = f'<use href="#{name}-photo"'
    return [
        *(f'<rect {rect} style="fill:url(#{name}-hatch)"/>' for rect in rects),
        f'<rect class="gb-ground" width="{side}" height="{side}"/>{photo} class="gb-dimmed"/>',
        f'<clipPath id="{own}-lit">{lit}</clipPath>{photo} clip-path="url(#{own}-lit)"/>',
        *(f'<rect {rect} class="gb-patch"/>' for rect in rects),
    ]


def _rect(box: Sequence[int]) -> str:
    top, left, bottom, right = box
    return f'x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"'
