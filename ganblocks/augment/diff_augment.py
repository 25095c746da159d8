"""DiffAugment and its three augmentations (Zhao et al., NeurIPS 2020, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.errors import OptionError, require_at_least, require_fraction
from ganblocks.registry import ComponentLike


@AUGMENTATIONS.register("color")
class ColorJitter(Augmentation):
    """Changes brightness, saturation and contrast, in this order (Zhao et al., 2020).

    x + b; then m + s (x − m) with m the mean over channels, pixel by pixel; then m + c (x − m) with
    m the mean of the image. b is uniform in ± brightness, s in 1 ± saturation, c in 1 ± contrast.
    Values may leave [−1, 1]. With one channel, saturation has no effect.

    Args:
        brightness: Largest |b|.
        saturation: Largest |s − 1|.
        contrast: Largest |c − 1|.

    Raises:
        OptionError: A strength is negative.

    Examples:
        >>> (augmented,) = ColorJitter()(torch.rand(2, 3, 8, 8))
        >>> tuple(augmented.shape)
        (2, 3, 8, 8)
    """

    def __init__(
        self, *, brightness: float = 0.5, saturation: float = 1.0, contrast: float = 0.5
    ) -> None:
        super().__init__()
        strengths = {"brightness": brightness, "saturation": saturation, "contrast": contrast}
        for name, strength in strengths.items():
            require_at_least(name, strength, 0)
        self.brightness = brightness
        self.saturation = saturation
        self.contrast = contrast

    def _augment(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        draws = 2 * torch.rand(3, len(images[0]), 1, 1, 1, device=images[0].device) - 1
        augmented = []
        for x in images:
            brightness, saturation, contrast = draws.to(x.dtype)
            x = x + self.brightness * brightness
            x = x.lerp(x.mean(1, keepdim=True), -self.saturation * saturation)
            augmented.append(x.lerp(x.mean((1, 2, 3), keepdim=True), -self.contrast * contrast))
        return tuple(augmented)


@AUGMENTATIONS.register("translation")
class Translation(Augmentation):
    """Shifts each image by whole pixels along both axes and fills with 0 (Zhao et al., 2020).

    Args:
        ratio: Largest shift, as a fraction of height and width.

    Raises:
        OptionError: The ratio is not from 0 to 1.

    Examples:
        >>> (same,) = Translation(ratio=0.0)(torch.ones(1, 3, 8, 8))
        >>> bool((same == 1).all())
        True
    """

    def __init__(self, ratio: float = 0.125) -> None:
        super().__init__()
        require_fraction("ratio", ratio)
        self.ratio = ratio

    def _augment(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        batch, device = len(images[0]), images[0].device
        (rows, rows_inside), (columns, columns_inside) = (
            self._sources(batch, length, device) for length in images[0].shape[2:]
        )
        inside = (rows_inside[:, :, None] & columns_inside[:, None, :])[:, None]
        image = torch.arange(batch, device=device)[:, None, None]
        return tuple(
            x.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
            * inside
            for x in images
        )

    def _sources(self, batch: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        largest = int(length * self.ratio + 0.5)
        shift = torch.randint(-largest, largest + 1, (batch, 1), device=device)
        positions = torch.arange(length, device=device) - shift
        return positions.clamp(0, length - 1), (positions >= 0) & (positions < length)


@AUGMENTATIONS.register("cutout")
class Cutout(Augmentation):
    """Sets a rectangle around a random pixel of each image to 0 (Zhao et al., 2020).

    Args:
        ratio: Height and width of the rectangle, as a fraction of the image's.

    Raises:
        OptionError: The ratio is not from 0 to 1.

    Examples:
        >>> (cut,) = Cutout(ratio=0.5)(torch.ones(1, 1, 8, 8))
        >>> 4 <= int((cut == 0).sum()) <= 16
        True
    """

    def __init__(self, ratio: float = 0.5) -> None:
        super().__init__()
        require_fraction("ratio", ratio)
        self.ratio = ratio

    def _augment(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        rows, columns = (
            self._cut(len(images[0]), length, images[0].device) for length in images[0].shape[2:]
        )
        kept = ~(rows[:, :, None] & columns[:, None, :])[:, None]
        return tuple(x * kept for x in images)

    def _cut(self, batch: int, length: int, device: torch.device) -> Tensor:
        size = int(length * self.ratio + 0.5)
        start = torch.randint(0, length + 1 - size % 2, (batch, 1), device=device) - size // 2
        positions = torch.arange(length, device=device)
        return (positions >= start) & (positions < start + size)


@AUGMENTATIONS.register("diff_augment")
class DiffAugment(Augmentation):
    """Differentiable augmentation for training with few images (Zhao et al., NeurIPS 2020).

    The discriminator sees augmented images, T(real) and T(fake), and the generator's gradient
    passes through T, so that T does not leak into the generated images. In paired translation,
    pass the condition too, so that the pair stays aligned.

    Args:
        policy: Augmentations in the order in which they run, as names, specs or objects.

    Raises:
        OptionError: The policy is empty or not a list.

    Examples:
        >>> augment = DiffAugment(["color", {"type": "translation", "ratio": 0.25}])
        >>> real, fake, condition = augment(*torch.rand(3, 2, 3, 16, 16))
        >>> tuple(condition.shape)
        (2, 3, 16, 16)
    """

    def __init__(
        self, policy: Sequence[ComponentLike] = ("color", "translation", "cutout")
    ) -> None:
        super().__init__()
        if isinstance(policy, str) or not isinstance(policy, Sequence) or not policy:
            raise OptionError(f'policy is {policy!r}: write a list such as ["color", "cutout"]')
        self.augmentations = nn.ModuleList(
            item if isinstance(item, Augmentation) else AUGMENTATIONS.build(item) for item in policy
        )

    def _augment(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for augmentation in self.augmentations:
            images = augmentation(*images)
        return images
