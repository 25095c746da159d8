"""SVG elements of drawings; colors come from the style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

HEAD = 7  # pixels of an arrow's head


def svg(
    name: str, title: str, description: str, size: tuple[int, int], parts: Iterable[str]
) -> str:
    """Returns a drawing with a title and description for screen readers.

    Args:
        name: Prefix of its identifiers, unique on the page.
        title: A title.
        description: A description.
        size: Width and height.
        parts: SVG elements.
    """
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gb-drawing" role="img" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def thumbnail(drawing: str) -> str:
    """Removes the text from a drawing, for a size where it is too small to read."""
    drawing = re.sub(r"<(text|title|desc)\b.*?</\1>", "", drawing)
    return re.sub(r'role="img"|aria-labelledby="[^"]*"', "", drawing, count=2).replace(
        "<svg ", '<svg aria-hidden="true" ', 1
    )


def scrolling(drawing: str, label: str) -> str:
    """Puts a drawing into a box that scrolls, with the keyboard too."""
    return (
        f'<div class="gb-scroll" role="region" aria-label="{escape(label)}" tabindex="0" '
        f"data-search-exclude>{drawing}</div>"
    )


def text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "word") -> str:
    """Returns a text; `anchor` is `"start"`, `"middle"` or `"end"`."""
    return (
        f'<text class="gb-{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def lines(x: float, y: float, words: Iterable[str], anchor: str = "middle") -> str:
    """Returns several lines of text, centered on y."""
    rows = list(words)
    first = y + 4 - 7.5 * (len(rows) - 1)
    return "".join(text(x, first + 15 * n, row, anchor) for n, row in enumerate(rows))


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Returns a box with the center (x, y)."""
    return (
        f'<rect class="gb-{kind}" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="2"/>'
    )


def arrow(path: str, end: tuple[float, float], towards: str, kind: str = "arrow") -> str:
    """Returns a line with an arrowhead at its end.

    Args:
        path: The line, as in the `d` of a path.
        end: Position of the tip.
        towards: `"up"`, `"down"` or `"right"`.
        kind: Its style.
    """
    x, y = end
    along, across = {"up": (0, -1), "down": (0, 1), "right": (1, 0)}[towards]
    back = (x - HEAD * along, y - HEAD * across)
    side = (HEAD / 2 * across, HEAD / 2 * along)
    head = (
        f"M{x:.1f} {y:.1f}L{back[0] + side[0]:.1f} {back[1] + side[1]:.1f}"
        f"L{back[0] - side[0]:.1f} {back[1] - side[1]:.1f}Z"
    )
    return f'<path class="gb-{kind}" d="{path}"/><path class="gb-head gb-of-{kind}" d="{head}"/>'


def wrapped(words: Iterable[str], width: int) -> list[str]:
    """Joins steps with arrows, and breaks them into lines of about `width` characters.

    Example:
        >>> wrapped(["relu", "deconv 4×4", "batch"], 20)
        ['relu → deconv 4×4 →', 'batch']
    """
    rows: list[str] = []
    for word in words:
        if rows and len(f"{rows[-1]} → {word}") <= width:
            rows[-1] += f" → {word}"
        else:
            if rows:
                rows[-1] += " →"
            rows.append(word)
    return rows
