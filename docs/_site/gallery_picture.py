"""From a few lines of code to what they made: the lines on a page are the lines that ran."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL.Image import Image


def run(code: str) -> dict[str, Any]:
    """Runs the lines of a snippet and gives the variables that they leave.

    What fails in them fails the build; the error shows the lines.

    Example:
        >>> run("sides = 4")["sides"]
        4
    """
    variables: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        try:
            exec(code, variables)
        except Exception as error:
            error.add_note(f"in the gallery's code\n\n{code}")
            raise
    return variables


def png(picture: Image) -> bytes:
    """Writes a picture as PNG.

    Example:
        >>> from PIL import Image
        >>> png(Image.new("RGB", (2, 2)))[1:4]
        b'PNG'
    """
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def fence(code: str) -> str:
    """Shows a snippet as Markdown."""
    return f"```python\n{code.strip()}\n```"
