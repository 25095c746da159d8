"""Base class of augmentations: one random draw per image, shared by all inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from ganblocks.errors import OptionError, ShapeError
from ganblocks.registry import Registry

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentations")
"""Differentiable augmentations by name."""


class Augmentation(nn.Module, ABC):
    """Base class: one random draw per image, shared by all inputs.

    Every call draws new values from torch's default generator of the images' device. Subclasses
    implement `_augment(images)`.
    """

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Augments batches of images; the n-th images of all batches get the same change.

        Args:
            *images: Images (B, C, H, W), such as real, fake and condition; C may differ.

        Raises:
            OptionError: No images were given.
            ShapeError: The images differ in B, H or W, or are not (B, C, H, W).

        Examples:
            >>> import torch
            >>> from ganblocks.augment import Translation
            >>> photo, labels = torch.rand(2, 3, 16, 16), torch.rand(2, 12, 16, 16)
            >>> [tuple(x.shape) for x in Translation()(photo, labels)]
            [(2, 3, 16, 16), (2, 12, 16, 16)]
        """
        if not images:
            raise OptionError("an augmentation got no images: write augment(real, fake)")
        sizes = {(len(x), *x.shape[2:]) for x in images if x.dim() == 4}
        if len(sizes) != 1 or any(x.dim() != 4 for x in images):
            shapes = ", ".join(str(tuple(x.shape)) for x in images)
            raise ShapeError(
                f"an augmentation got tensors of shapes {shapes}: expected (B, C, H, W) with the "
                "same B, H and W. Add a batch dimension with x.unsqueeze(0)"
            )
        return self._augment(images)

    @abstractmethod
    def _augment(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...
