"""Runs the code that a page shows, and encodes its picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image


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


def png(picture: Image.Image) -> bytes:
    """Returns a picture as PNG; the white lines of a grid are transparent, for dark pages.

    Example:
        >>> png(Image.new("RGB", (2, 2)))[1:4]
        b'PNG'
    """
    white = (np.asarray(picture.convert("RGB")) == 255).all(2)
    lines = white.all(0) | white.all(1)[:, None]
    if lines.any():
        picture = picture.copy()
        picture.putalpha(Image.fromarray(np.where(lines, 0, 255).astype(np.uint8)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def webp(picture: Image.Image) -> bytes:
    """Returns a photo as WebP.

    Example:
        >>> webp(Image.new("RGB", (2, 2)))[8:12]
        b'WEBP'
    """
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=85, method=6)
    return file.getvalue()
