"""Wall textures, as brightness factors aligned to the whole image."""

from __future__ import annotations

import numpy as np

from ganblocks.data.synthetic.canvas import Array, saturate


def wall_texture(name: str, x: Array, y: Array, pixel: float) -> Array:
    """Returns the brightness factors of a wall at the image's coordinates."""
    if name == "brick":
        return _courses(x, y, pixel, course=4.0, length=8.0, joint=1.0, depth=0.34, vary=0.13)
    if name == "blocks":
        return _courses(x, y, pixel, course=8.0, length=16.0, joint=1.0, depth=-0.22, vary=0.06)
    if name == "planks":
        return 0.86 + 0.22 * np.mod(1 - y / 4, 1)
    if name == "panels":
        joints = np.maximum(_joint(x, 16.0, 1.0, pixel), _joint(y, 16.0, 1.0, pixel))
        return 1 - 0.3 * joints + 0.06 * np.sin(x / 16 * np.pi + y / 32 * np.pi)
    strokes: Array = np.sin(x * 0.9 + 2 * np.sin(y * 0.23)) * np.sin(y * 0.8 + np.sin(x * 0.31))
    return 1 + 0.025 * strokes


def _courses(
    x: Array, y: Array, pixel: float, *, course: float, length: float, joint: float,
    depth: float, vary: float,
) -> Array:  # fmt: skip
    """Draws rows of stones of different tones, every other row shifted by half a stone."""
    row = np.floor(y / course)
    shifted = x + row % 2 * (length / 2)
    joints = np.maximum(_joint(y, course, joint, pixel), _joint(shifted, length, joint, pixel))
    tone = np.sin(row * 12.9898 + np.floor(shifted / length) * 78.233)
    light: Array = 1 + vary * tone * (1 - joints) + depth * joints
    return light


def _joint(position: Array, period: float, width: float, pixel: float) -> Array:
    """Returns the opacity of a joint at the start of every period."""
    distance = np.abs(np.mod(position - width / 2 + period / 2, period) - period / 2)
    return saturate((width / 2 - distance) / pixel + 0.5)
