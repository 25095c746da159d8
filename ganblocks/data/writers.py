"""Writes image files."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from ganblocks.data.readers import SEE, require_module, suffix_of
from ganblocks.errors import DataError
from ganblocks.writing import os_errors_explained, write_atomically

_PICTURES: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    ".png": ("PNG", (1, 2, 3, 4), {"compress_level": 1}),  # several times faster than 6
    ".jpg": ("JPEG", (1, 3), {"quality": 95}),
    ".jpeg": ("JPEG", (1, 3), {"quality": 95}),
    ".webp": ("WEBP", (1, 3, 4), {"lossless": True, "exact": True}),
    ".bmp": ("BMP", (1, 3), {}),
}
"""Pillow's format, numbers of channels of 8 bits, and options, by suffix."""

WEBP_SIDE = 16383
"""Maximum side of a WebP file, in pixels."""


def to_pil(array: np.ndarray) -> Image.Image:
    """Converts stored values to a PIL image.

    Args:
        array: (H, W) or (H, W, C): uint8 of 1 to 4 channels, or uint16 of one (mode I;16).

    Raises:
        DataError: Pillow has no mode for them.

    Examples:
        >>> to_pil(np.zeros((4, 5, 1), np.uint16)).mode
        'I;16'
    """
    array = _with_channels(array)
    channels, kind = array.shape[-1], array.dtype.name
    if (kind, channels) != ("uint16", 1) and not (kind == "uint8" and channels <= 4):
        raise DataError(
            f"Pillow has no mode for {channels} channels of {kind}: write a .tif or .npy file",
            see=SEE,
        )
    return _picture(array)


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes stored values in the format of the path's suffix, completely or not at all.

    In a PNG or WebP, the last of 2 or 4 channels is alpha; in a TIFF, it is data.

    Args:
        path: A file that ends in `.png`, `.jpg`, `.jpeg`, `.webp`, `.bmp`, `.tif`, `.tiff` or
            `.npy`.
        array: (H, W) or (H, W, C).

    Raises:
        DataError: Files of this suffix cannot hold the values.
        RunError: The file cannot be written.
    """
    array = _with_channels(array)
    suffix, channels, kind = suffix_of(path), array.shape[-1], array.dtype.name
    if not _holds(suffix, array):
        size = f"{array.shape[1]}x{array.shape[0]}"
        raise DataError(
            f"{path}: {suffix or 'a file without a suffix'}, {size}, cannot hold {channels} "
            f"channels of {kind}: write .tif or .npy",
            see=SEE,
        )
    write_atomically(path, lambda file: _save(file, suffix, array), durable=False)


def write_beside(path: Path, suffix: str, array: np.ndarray) -> Path:
    """Writes stored values to a path without a suffix, and returns it with the chosen suffix.

    Args:
        path: The path.
        suffix: The preferred suffix, such as the input's; used if it is lossless for the values.
        array: (H, W) or (H, W, C).
    """
    lossless = [s for s in (suffix.lower(), ".png", ".tif", ".npy") if s not in (".jpg", ".jpeg")]
    chosen = next(s for s in lossless if _holds(s, _with_channels(array)))
    target = path.with_name(path.name + chosen)
    with os_errors_explained(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    write_array(target, array)
    return target


def _holds(suffix: str, array: np.ndarray) -> bool:
    channels, kind = array.shape[-1], array.dtype.name
    _, allowed, _ = _PICTURES.get(suffix, ("", (), {}))
    if suffix == ".webp" and max(array.shape[:2]) > WEBP_SIDE:
        return False
    return (
        suffix == ".npy"
        or (suffix in (".tif", ".tiff") and kind in ("uint8", "uint16", "int16", "float32"))
        or (kind == "uint8" and channels in allowed)
        or (suffix, kind, channels) == (".png", "uint16", 1)
    )


def _save(file: IO[bytes], suffix: str, array: np.ndarray) -> None:
    channels, kind = array.shape[-1], array.dtype.name
    if suffix == ".npy":
        np.save(file, array, allow_pickle=False)
    elif suffix in _PICTURES:
        form, _, options = _PICTURES[suffix]
        _picture(array).save(file, form, **options)
    elif (kind == "uint8" and channels == 3) or (kind != "int16" and channels == 1):
        _picture(array).save(file, "TIFF")
    else:
        require_module("tifffile", "tiff", f"TIFF files of {channels} channels of {kind}").imwrite(
            file,
            array if channels > 1 else array[..., 0],
            photometric="rgb" if channels == 3 else "minisblack",
            planarconfig="contig" if channels > 1 else None,
            extrasamples=["unspecified"] * (channels - 1) if channels != 3 else [],
            metadata=None,
        )


def _picture(array: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[-1] == 1 else array))


def _with_channels(array: np.ndarray) -> np.ndarray:
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.size == 0:
        raise DataError(
            f"an array of shape {array.shape} is not an image: pass (H, W) or (H, W, C)"
        )
    return array
