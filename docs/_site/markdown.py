"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import indent


def fence(code: str) -> str:
    """Returns a fenced block of Python."""
    return f"```python\n{code.strip()}\n```"


def folded(title: str, content: str) -> str:
    """Returns a box that opens on a click.

    Example:
        >>> print(folded("Code", "one line"))
        ??? quote "Code"
        <BLANKLINE>
            one line
    """
    return f'??? quote "{title}"\n\n{indent(content, "    ")}'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table.

    Example:
        >>> print(table(["name", "builds"], [["unet", "a U-Net"]]))
        | name | builds |
        | --- | --- |
        | unet | a U-Net |
    """
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])
