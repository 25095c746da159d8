"""Reads image files as their stored values."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from ganblocks.errors import DataError, listed

SEE = "channels-and-bit-depth"

_DECODERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
_DECODERS |= {".tif": "TIFF", ".tiff": "TIFF"}  # EPS is missing: its decoder runs another program

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "F")

_ORIENTATION = 274  # the tag of EXIF and TIFF

for _library in ("PIL", "tifffile"):  # what makes a file unreadable is raised, too
    logging.getLogger(_library).addHandler(logging.NullHandler())


class Stored(NamedTuple):
    """The values that a file stores, upright according to its EXIF orientation.

    Attributes:
        values: (H, W, C); for a palette, indices (H, W, 1). Black-and-white bits become 0 and 255.
        alpha: (H, W), of the same dtype; None if the file has none.
        palette: Colors of the indices, RGBA, uint8 (N, 4); None if the file has none.
        lossy: Whether the file has lossy compression, which blurs flat colors.
        orientation: The EXIF orientation that was applied; 1 for none.

    Examples:
        >>> Stored(np.zeros((4, 5, 3), np.uint16)).alpha is None
        True
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    palette: np.ndarray | None = None
    lossy: bool = False
    orientation: int = 1


def open_picture(path: str | Path) -> Image.Image:
    """Opens an image with the decoders of `READERS` only, whatever its suffix."""
    return Image.open(path, formats=sorted({*_DECODERS.values()}))


def suffix_of(path: Path) -> str:
    """Returns the suffix in lower case, `.nii.gz` as one.

    Examples:
        >>> suffix_of(Path("a.b/T1.NII.gz")), suffix_of(Path("1.x.PNG"))
        ('.nii.gz', '.png')
    """
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def read_stored(path: Path) -> Stored:
    """Reads the exact stored values of a file, by its suffix.

    The first axis of a NIfTI slice runs from left to right, the second from top to bottom.

    Args:
        path: A file whose suffix is one of `READERS`.

    Raises:
        DataError: The file is missing or broken, or has content that is not supported: several
            frames, pages or slices, NaN, premultiplied alpha, or colors other than RGB.
    """
    read = READERS.get(suffix_of(path))
    if read is None:
        raise DataError(f"{path}: does not end in {', '.join(READERS)}: convert it", see=SEE)
    try:
        return read(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except DataError as error:
        raise DataError(f"{path}: {error}", see=error.see) from None
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, zlib.error
        reason = " ".join(str(error).split()) or type(error).__name__
        install = "imagecodecs" in reason  # which tifffile needs for most compressions
        remedy = 'pip install "ganblocks[tiff]"' if install else "replace or remove it"
        raise DataError(f"{path}: cannot be read ({reason}); {remedy}") from error


def stored_from_picture(picture: Image.Image) -> Stored:
    """Returns the values of a PIL image, like those of a file.

    Args:
        picture: A PIL image of one frame; its EXIF orientation is applied.

    Raises:
        DataError: It is not a PIL image, has several frames, or an unsupported mode.

    Examples:
        >>> stored_from_picture(Image.new("L", (5, 4), 7)).values.shape
        (4, 5, 1)
    """
    if not isinstance(picture, Image.Image):
        what = type(picture).__name__
        raise DataError(f"{what} is not a PIL image: open it with PIL.Image.open")
    if ";16" in _decoder(picture) and picture.mode[0] != "I":
        raise DataError("Pillow converts its 16 bits to 8: pass the path of the file", see=SEE)
    return _from_pillow(picture)


def _read_picture(path: Path) -> Stored:
    try:
        with open_picture(path) as picture:
            if picture.format == "PNG" and ";16" in _decoder(picture):
                return _from_pillow(picture, _deep_png(path))
            if picture.format != "TIFF" or _pillow_suffices(picture):
                stored = stored_from_picture(picture)
                lossless = picture.format == "WEBP" and _is_lossless_webp(path)
                return stored._replace(lossy=stored.lossy and not lossless)
    except UnidentifiedImageError:  # Pillow does not know every kind of TIFF
        if suffix_of(path) not in (".tif", ".tiff"):
            raise
    return _read_by_tifffile(path)


def _decoder(picture: Image.Image) -> str:
    """Returns Pillow's decoder, which shows 16 bits; it is known only before decoding."""
    tiles = getattr(picture, "tile", ())
    decoder = str(tiles[0][3]) if tiles else ""
    return decoder.replace("BGR;16", "BGR")  # 5, 6 and 5 bits, in a BMP


def _deep_png(path: Path) -> np.ndarray:
    pixels: np.ndarray
    try:
        pixels = import_module("imagecodecs").png_decode(path.read_bytes())
    except ImportError:
        from torchvision.io import decode_image  # deprecated since 0.29

        pixels = decode_image(str(path), "UNCHANGED").movedim(0, -1).numpy()
    return pixels


def _is_lossless_webp(path: Path) -> bool:
    data = path.read_bytes()
    at = 12
    while at + 8 <= len(data) and data[at : at + 4] not in (b"VP8 ", b"VP8L"):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return data[at : at + 4] == b"VP8L"


def _from_pillow(picture: Image.Image, values: np.ndarray | None = None) -> Stored:
    """Returns the stored values; `values` replaces the pixels if Pillow would lose bits."""
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # a camera's JPEG, with previews behind the photo
        raise DataError(f"it has {frames} frames or pages: save each as an image", see=SEE)
    scale = {"L;2": 85, "L;4": 17}.get(_decoder(picture), 1)
    orientation = picture.getexif().get(_ORIENTATION, 1)
    picture.load()  # turns TIFFs upright, so that their orientation is 1 from here on
    plain = _plain(picture)
    clear = plain.info.get("transparency")
    if values is None:
        values = np.array(plain)
        if plain.mode == "1":  # Pillow 12.0 names a clear white 1, and 12.1 names it 255
            values, clear = values * np.uint8(255), clear and 255
    values = np.atleast_3d(values)
    alpha = palette = None
    if plain.mode == "P":
        palette = _palette(plain, clear, int(values.max(initial=0)))
    elif values.shape[-1] in (2, 4):
        values, alpha = values[..., :-1], values[..., -1]
    elif clear is not None:  # a color of a PNG, before gray of 2 or 4 bits was scaled to 8
        is_clear = (values == np.array(clear) * scale).all(-1)
        alpha = np.where(is_clear, 0, np.iinfo(values.dtype).max).astype(values.dtype)
    lossy = picture.format in ("JPEG", "MPO", "WEBP")
    lossy |= picture.info.get("compression") in ("jpeg", "tiff_jpeg", "webp")  # in a TIFF
    turn = picture.getexif().get(_ORIENTATION, 1)
    return _stored(values, alpha, palette, lossy, turn)._replace(orientation=orientation)


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode == "PA":
        return picture.convert("RGBA")
    if picture.mode == "CMYK":
        # Inks mean the colors that the file's profile says, or else the mere mixture of light. A
        # JPEG stores them inverted if Adobe's marker is in it, and Pillow inverts them always.
        if picture.format in ("JPEG", "MPO") and "adobe" not in picture.info:
            raise DataError("it has CMYK inks, but no Adobe marker: convert it to RGB", see=SEE)
        profile = picture.info.get("icc_profile")
        if not profile:
            return picture.convert("RGB")
        rgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, BytesIO(profile), rgb, outputMode="RGB")
        return converted or picture
    if picture.mode in _MODES or picture.mode.startswith("I;16"):
        return picture
    raise DataError(f"it has Pillow's mode {picture.mode}: convert it to RGB", see=SEE)


def _palette(picture: Image.Image, clear: bytes | int | None, highest: int) -> np.ndarray:
    palette = np.array(picture.getpalette("RGBA"), np.uint8).reshape(-1, 4)
    if highest >= len(palette):
        raise DataError(f"its index {highest} is beyond its palette of {len(palette)} colors")
    if isinstance(clear, bytes):
        alpha = np.frombuffer(clear, np.uint8)[: len(palette)]
        palette[: len(alpha), 3] = alpha
    elif clear is not None and clear < len(palette):
        palette[clear, 3] = 0
    return palette


def _upright(values: np.ndarray, orientation: int) -> np.ndarray:
    values = values.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else values
    values = values[:, ::-1] if orientation in (2, 3, 6, 7) else values
    return values[::-1] if orientation in (3, 4, 7, 8) else values


def _pillow_suffices(picture: Image.Image) -> bool:
    """Returns whether Pillow reads a TIFF exactly: it may drop channels, signs and bits."""
    tags: Any = picture.tag_v2  # type: ignore[attr-defined]
    photometric, samples, extra = tags.get(262, 0), tags.get(277, 1), tuple(tags.get(338, ()))
    stack = "images=" in str(tags.get(270, "")) or tags.get(32997, 1) > 1  # behind one page
    stack |= tags.next != 0  # pages, of which overviews and masks do not count
    if stack or (samples > 1 and tags.get(284, 1) == 2):  # channel by channel
        return False
    if set(tags.get(258, (1,))) <= {1, 2, 4, 8} and set(tags.get(339, (1,))) == {1}:
        kinds = ((1, ()), (2, (2,)), (3, ()), (4, () if photometric == 5 else (2,)))
        return (samples, extra) in kinds
    # Pillow swaps the bytes of compressed big-endian floats (F;32BF) twice.
    return photometric == 1 and ("F;32F" in _decoder(picture) or picture.mode.startswith("I;16"))


def _read_by_tifffile(path: Path) -> Stored:
    with require_module("tifffile", "tiff", "TIFF files of this kind").TiffFile(path) as file:
        pages = [page for page in file.pages if not page.subfiletype & 5]  # overviews and masks
        if not pages:
            raise DataError("it has no page of full resolution: replace or remove it")
        page, stack = pages[0], file.series[0].size // pages[0].size  # ImageJ's: behind one page
        kind, extra = page.photometric, list(page.extrasamples)
        known = (0, 1, 2, 6) if page.compression.name == "JPEG" else (0, 1, 2)  # YCbCr is decoded
        problem = None
        if (count := max(stack, len(pages))) > 1:
            problem = f"it has {count} frames or pages: save each as an image"
        elif kind not in known or page.axes not in ("YX", "YXS", "SYX"):
            problem = f"its colors are {kind.name}, its axes {page.axes}: convert it to gray or RGB"
        elif 1 in extra:
            problem = "its colors are premultiplied by alpha: convert it"
        elif kind == 0 and page.dtype.kind != "u":
            problem = "its white is 0, with signs or decimals: invert it"
        elif page.size > 2 * (Image.MAX_IMAGE_PIXELS or np.inf):
            problem = f"it has {page.size} values, too many: cut it into tiles"
        if problem:
            raise DataError(problem, see=SEE)
        values = page.asarray()
        values = np.moveaxis(values, 0, -1) if page.axes == "SYX" else np.atleast_3d(values)
        if kind == 0:  # white
            values[..., 0] = (1 << page.bitspersample) - 1 - values[..., 0]
        alpha = None
        if 2 in extra:
            at = values.shape[-1] - len(extra) + extra.index(2)
            values, alpha = np.delete(values, at, -1), values[..., at]
        lossy = any(word in page.compression.name for word in ("JPEG", "WEBP", "LERC"))
        turn = getattr(page.tags.get(_ORIENTATION), "value", 1)
    return _stored(values, alpha, lossy=lossy, turn=turn)


def _read_numpy(path: Path) -> Stored:
    try:
        with path.open("rb") as file:  # np.load would not close a broken archive
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                if len(loaded.files) != 1:
                    raise DataError(f"it has the arrays {listed(loaded.files)}: save only one")
                loaded = loaded[loaded.files[0]]
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        raise DataError("it holds Python objects, or is broken: save an array of numbers") from None
    if loaded.ndim == 3 and loaded.shape[0] <= 16 and loaded.shape[0] < loaded.shape[-1]:
        raise DataError(
            f"its shape {loaded.shape} looks like channels first: save np.moveaxis(x, 0, -1)"
        )
    return _stored(loaded)


def _read_nifti(path: Path) -> Stored:
    image = require_module("nibabel", "nifti", "NIfTI files").load(path, mmap=False)
    if len(image.shape) < 2 or any(length != 1 for length in image.shape[2:]):
        raise DataError(f"it is a volume of shape {image.shape}: save each slice in its own file")
    scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)
    values = np.asarray(image.dataobj) if scaled else image.dataobj.get_unscaled()
    return _stored(values.reshape(image.shape[:2]).T)


def require_module(module: str, extra: str, what: str) -> Any:
    """Returns a module of an optional dependency, or raises `DataError` if it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise DataError(f'{what} need {module}: pip install "ganblocks[{extra}]"') from None


def _stored(
    values: np.ndarray,
    alpha: np.ndarray | None = None,
    palette: np.ndarray | None = None,
    lossy: bool = False,
    turn: int = 1,
) -> Stored:
    """Returns values and alpha, upright and of plain dtypes; raises `DataError` if impossible."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"it holds values of type {values.dtype}: save real numbers", see=SEE)
    if values.ndim not in (2, 3):
        raise DataError(f"it has the shape {values.shape}: save (H, W) or (H, W, C)", see=SEE)
    if values.size == 0:
        raise DataError(f"it has no pixels: its shape is {values.shape}; remove it")
    values = _plain_type(_upright(np.atleast_3d(values), turn))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise DataError(f"{count} of its values are NaN or infinite: fill them", see=SEE)
    alpha = None if alpha is None else _plain_type(_upright(alpha, turn))
    return Stored(values, alpha, palette, lossy, turn)


def as_dtype(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Converts floats to a dtype; integers are rounded, and clipped to its range."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = values.round().clip(limits.min, limits.max)
    return values.astype(dtype)


def _plain_type(values: np.ndarray) -> np.ndarray:
    name = {"b": "uint8", "f": "float32"}.get(values.dtype.kind, values.dtype.name)  # native
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are rejected
        return np.ascontiguousarray(values, name)


READERS: dict[str, Callable[[Path], Stored]] = {
    **dict.fromkeys(_DECODERS, _read_picture),
    **dict.fromkeys((".npy", ".npz"), _read_numpy),
    **dict.fromkeys((".nii", ".nii.gz"), _read_nifti),
}
"""Readers by suffix in lower case; your own may be added.

`READERS[".dcm"] = read_slice`: a function of the path that returns a `Stored`.
"""
