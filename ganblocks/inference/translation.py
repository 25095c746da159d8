"""Translation of images and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ganblocks.arguments import Floats, checked
from ganblocks.blocks import with_statistics
from ganblocks.blocks.statistics import device_of
from ganblocks.data.formats import ImageFormat
from ganblocks.data.picture_map import PictureMap
from ganblocks.data.readers import stored_from_picture
from ganblocks.data.reading import decode, read_side
from ganblocks.data.resizing import resized
from ganblocks.data.writers import to_pil
from ganblocks.errors import require_one_of

if TYPE_CHECKING:
    from PIL.Image import Image


@checked
def generate(generator: nn.Module, images: Floats, *, statistics: str = "image") -> Tensor:
    """Runs a generator as pix2pix does at test time; the generator stays unchanged.

    Args:
        generator: The generator.
        images: (B, C, H, W) in [-1, 1].
        statistics: `"image"` normalizes each image by its own statistics, `"running"` by the
            averages from training.

    Returns:
        Images (B, C', H, W) in [-1, 1], on the generator's device.

    Raises:
        OptionError: `statistics` is not one of these values, or the images are not floats.

    Examples:
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> generate(generator, torch.zeros(1, 3, 20, 30)).shape
        torch.Size([1, 3, 20, 30])
    """
    twin = with_statistics(generator, statistics)
    with torch.no_grad():  # not inference_mode, whose tensors no later training step could use
        result: Tensor = twin(images.to(device_of(generator)))
    return result


_PICTURES = "_ganblocks_pictures"


def set_picture_map(network: nn.Module, pictures: PictureMap) -> None:
    """Sets the formats and the size of the pictures that a network translates."""
    setattr(network, _PICTURES, pictures)


def picture_map(network: nn.Module) -> PictureMap:
    """Returns what `load` has read from the run, or 8-bit pictures of any size."""
    known: PictureMap | None = getattr(network, _PICTURES, None)
    return known or PictureMap(ImageFormat(getattr(network, "in_channels", 3)), ImageFormat())


@checked
def translate(
    generator: nn.Module,
    picture: str | Path | Image,
    *,
    size: str = "trained",
    statistics: str = "image",
) -> Image:
    """Translates one picture of any size.

    Args:
        generator: The generator, such as the result of `load`.
        picture: A file, or a Pillow picture.
        size: `"trained"` resizes the picture to the size at which the generator was trained, and
            the result back; `"as it is"` does not.
        statistics: `"image"` or `"running"`, as in `generate`.

    Returns:
        A Pillow picture of the same size, or larger if the generator enlarges.

    Raises:
        DataError: The file is not a picture, its values are not of the format that the generator
            was trained with, or Pillow has no pictures of the result's values.
        OptionError: An option has a value that is not allowed.

    Examples:
        >>> from PIL import Image
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> translate(generator, Image.new("RGB", (30, 20))).size
        (30, 20)
    """
    return to_pil(translate_stored(generator, picture, size=size, statistics=statistics))


def translate_stored(
    generator: nn.Module, picture: str | Path | Image, *, size: str, statistics: str
) -> np.ndarray:
    """Returns the translation of a picture as the values that a file stores, (H, W, C)."""
    require_one_of("size", size, ("trained", "as it is"))
    pictures = picture_map(generator)
    if isinstance(picture, str | Path):
        files = [Path(picture)]
        pixels = decode(pictures.input, read_side(files), files)
    else:
        pixels = pictures.input.decode(stored_from_picture(picture))
    fit = pictures.fit if size == "trained" else None
    fitted = pixels if fit is None else fit.apply(pixels)
    output = generate(generator, pictures.input.encode(fitted)[None], statistics=statistics)[0]
    if fitted.shape[-2:] != pixels.shape[-2:]:
        scale = output.shape[-1] // fitted.shape[-1]
        own = [scale * side for side in pixels.shape[-2:]]
        output = resized((output.clamp(-1, 1) + 1) / 2, own) * 2 - 1
    return pictures.output.restore(output)
