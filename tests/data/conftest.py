"""Small pictures made on the spot."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def make_picture(path: Path, width: int = 16, height: int = 8, mode: str = "RGB", seed: int = 0):
    """Saves noise as a picture; returns its path."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).convert("RGB").convert(mode).save(path)
    return path


def truncate(path: Path):
    """Cuts off the second half of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.fixture(name="make_picture")
def _make_picture():
    return make_picture


@pytest.fixture(name="truncate")
def _truncate():
    return truncate
