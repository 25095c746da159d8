"""Translation of image tensors and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganblocks.arguments import Floats, checked
from ganblocks.blocks.statistics import device_of
from ganblocks.inference.modes import with_mode
from ganblocks.inference.translator import Translator

if TYPE_CHECKING:
    from PIL.Image import Image


@checked
def generate(generator: nn.Module, images: Floats, *, mode: str = "sample") -> Tensor:
    """Runs a generator as pix2pix does at test time; the generator is unchanged.

    Args:
        generator: The generator.
        images: (B, C, H, W) in [-1, 1].
        mode: `"sample"` keeps dropout on and normalizes each image by its own statistics, `"mean"`
            does so without dropout, and `"running"` is `eval()`, with running statistics.

    Returns:
        Images (B, C', H, W) in [-1, 1], on the generator's device.

    Raises:
        OptionError: `mode` is invalid, or the images are not floats.

    Examples:
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> generate(generator, torch.zeros(1, 3, 20, 30)).shape
        torch.Size([1, 3, 20, 30])
    """
    twin = with_mode(generator, mode)
    with torch.no_grad():  # not inference_mode, whose tensors cannot be used in training
        result: Tensor = twin(images.to(device_of(generator)))
    return result


@checked
def translate(
    generator: nn.Module,
    picture: str | Path | Image,
    *,
    mode: str = "sample",
    size: str = "trained",
) -> Image:
    """Translates one image file or PIL image of any size.

    Args:
        generator: The generator, such as the result of `load`.
        picture: A file or PIL image.
        mode: `"sample"`, `"mean"` or `"running"`, as in `generate`.
        size: `"trained"` resizes the image to the generator's training size, and the result back;
            `"as it is"` does not.

    Returns:
        A PIL image of the same size, or larger for super-resolution.

    Raises:
        DataError: The file is not an image, its values do not fit the format that the generator was
            trained with, or Pillow has no mode for the result.
        OptionError: An option has an invalid value.

    Examples:
        >>> from PIL import Image
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> translate(generator, Image.new("RGB", (30, 20)), mode="mean").size
        (30, 20)
    """
    return Translator(generator, mode=mode, size=size)(picture)
