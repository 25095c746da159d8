"""Runs the code that a page shows, and encodes its picture."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL.Image import Image


def run(code: str) -> dict[str, Any]:
    """Runs a snippet and returns its variables; an error shows the snippet.

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
    """Returns a picture as PNG.

    Example:
        >>> from PIL import Image
        >>> png(Image.new("RGB", (2, 2)))[1:4]
        b'PNG'
    """
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
