"""Reads picture files as uint8 tensors; errors name the file."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from torch import Tensor

from ganblocks.data.scan import Pair
from ganblocks.errors import DataError, OptionError
from ganblocks.pictures import PICTURE_MODES, from_picture


def require_channels(channels: int) -> None:
    """Raises `OptionError` unless pictures can have this number of channels."""
    if channels not in PICTURE_MODES:
        raise OptionError(
            f"channels is {channels!r}: write 1 (gray), 3 (RGB) or 4 (RGBA)",
            see="channels-and-bit-depth",
        )


def digest(named: Iterable[tuple[str, list[Path]]]) -> str:
    """Returns a digest of files' names and sizes in bytes."""
    whole = sha256()
    for name, paths in named:
        whole.update(f"{name} {[path.stat().st_size for path in paths]}\n".encode())
    return whole.hexdigest()


def read_picture(path: Path, channels: int = 3) -> Tensor:
    """Reads a picture file as a uint8 tensor (C, H, W), upright according to its EXIF."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return from_picture(picture, channels)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, zlib.error
        see = getattr(error, "see", None)
        remedy = "convert, replace or remove it" if see else "replace or remove it"
        raise DataError(f"{path}: cannot be read ({error}); {remedy}", see=see) from error


def read_pair(pair: Pair, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Reads both sides of a pair, from one file or from two."""
    a = read_picture(pair.a, channels)
    if pair.b is not None:
        b = read_picture(pair.b, channels)
        if a.shape != b.shape:
            sizes = f"{a.shape[-1]}x{a.shape[-2]}, but {pair.b} is {b.shape[-1]}x{b.shape[-2]}"
            raise DataError(f"{pair.a}: is {sizes}; give both the same size")
        return a, b
    width = a.shape[-1]
    if width % 2:
        raise DataError(
            f"{pair.a}: is {width} pixels wide, an odd number; a and b side by side need an "
            "even width (or put them into two folders, a/ and b/)"
        )
    return a[..., : width // 2], a[..., width // 2 :]
