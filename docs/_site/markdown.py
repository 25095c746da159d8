"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def fence(code: str) -> str:
    """Returns a fenced block of Python."""
    return f"```python\n{code.strip()}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table.

    Example:
        >>> print(table(["name", "builds"], [["unet", "a U-Net"]]))
        | name | builds |
        | --- | --- |
        | unet | a U-Net |
    """
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])
