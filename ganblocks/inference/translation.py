"""Translation of images and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganblocks.arguments import Floats, checked
from ganblocks.blocks import with_statistics
from ganblocks.blocks.statistics import device_of
from ganblocks.data.base import to_unit_range
from ganblocks.data.reading import read_picture
from ganblocks.pictures import from_picture, to_picture

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


@checked
def translate(
    generator: nn.Module, picture: str | Path | Image, *, statistics: str = "image"
) -> Image:
    """Translates one picture of any size.

    Args:
        generator: The generator, such as the result of `load`.
        picture: A file, or a Pillow picture.
        statistics: `"image"` or `"running"`, as in `generate`.

    Returns:
        A Pillow picture of the same size, or larger if the generator enlarges.

    Raises:
        DataError: The file is not a picture.

    Examples:
        >>> from PIL import Image
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> translate(generator, Image.new("RGB", (30, 20))).size
        (30, 20)
    """
    channels = getattr(generator, "in_channels", 3)
    pixels = (
        read_picture(Path(picture), channels)
        if isinstance(picture, str | Path)
        else from_picture(picture, channels)
    )
    output = generate(generator, to_unit_range(pixels)[None], statistics=statistics)
    return to_picture(output[0])
