"""What an augmentation is: one draw for each image of a batch, shared by all that it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from ganblocks.errors import OptionError, ShapeError
from ganblocks.registry import Registry

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentations")
"""Differentiable augmentations by name."""


class Augmentation(nn.Module, ABC):
    """Varies images at random; what belongs together is given together and drawn for once.

    Draws come from torch's own generator of the images' device, anew at every call.
    """

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Varies batches of images, the n-th image of each in the same way.

        Args:
            *images: Images (B, C, H, W), such as real, fake and condition; C may differ.

        Returns:
            As many batches of the same shapes.

        Raises:
            OptionError: No images were given.
            ShapeError: They differ in B, H or W, or are no such batches.

        Examples:
            >>> import torch
            >>> from ganblocks.augment import Translation
            >>> photo, labels = torch.rand(2, 3, 16, 16), torch.rand(2, 12, 16, 16)
            >>> [tuple(x.shape) for x in Translation()(photo, labels)]
            [(2, 3, 16, 16), (2, 12, 16, 16)]
        """
        if not images:
            raise OptionError("an augmentation got no images: write augment(real, fake)")
        first = images[0]
        for image in images:
            alike = image.dim() == 4 and (len(image), image.shape[2:]) == (
                len(first),
                first.shape[2:],
            )
            if not alike:
                shapes = ", ".join(str(tuple(x.shape)) for x in images)
                raise ShapeError(
                    f"an augmentation got tensors of shapes {shapes}: it takes (B, C, H, W) with "
                    "one B, H and W. A single image gets its batch dimension with x.unsqueeze(0)"
                )
        return self._varied(images)

    @abstractmethod
    def _varied(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...
