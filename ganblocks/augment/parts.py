"""The three kinds of variation of DiffAugment (Zhao et al., 2020, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.errors import require_at_least, require_fraction


@AUGMENTATIONS.register("color")
class ColorJitter(Augmentation):
    """Varies brightness, saturation and contrast, in this order (Zhao et al., 2020).

    x + b; then m + s (x − m) with m the mean over channels, pixel by pixel; then m + c (x − m) with
    m the mean of the image. b is uniform in ± brightness, s in 1 ± saturation, c in 1 ± contrast.
    Values may leave [−1, 1]. With one channel, saturation changes nothing.

    Args:
        brightness: Largest |b|, in the images' unit.
        saturation: Largest |s − 1|.
        contrast: Largest |c − 1|.

    Raises:
        OptionError: A strength is below 0.

    Examples:
        >>> (varied,) = ColorJitter()(torch.rand(2, 3, 8, 8))
        >>> tuple(varied.shape)
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

    def _varied(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        draws = 2 * torch.rand(3, len(images[0]), 1, 1, 1, device=images[0].device) - 1
        varied = []
        for x in images:
            brightness, saturation, contrast = draws.to(x.dtype)
            x = x + self.brightness * brightness
            x = x.lerp(x.mean(1, keepdim=True), -self.saturation * saturation)
            varied.append(x.lerp(x.mean((1, 2, 3), keepdim=True), -self.contrast * contrast))
        return tuple(varied)


@AUGMENTATIONS.register("translation")
class Translation(Augmentation):
    """Moves each image by whole pixels, down and across; what comes in is 0 (Zhao et al., 2020).

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

    def _varied(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        batch, device = len(images[0]), images[0].device
        (rows, rows_inside), (columns, columns_inside) = (
            self._sources(batch, length, device) for length in images[0].shape[2:]
        )
        inside = (rows_inside[:, :, None] & columns_inside[:, None, :])[:, None]
        which = torch.arange(batch, device=device)[:, None, None]
        return tuple(
            x.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
            * inside
            for x in images
        )

    def _sources(self, batch: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Returns for each place of an axis where its value comes from, and whether that exists."""
        most = int(length * self.ratio + 0.5)
        shift = torch.randint(-most, most + 1, (batch, 1), device=device)
        places = torch.arange(length, device=device) - shift
        return places.clamp(0, length - 1), (places >= 0) & (places < length)


@AUGMENTATIONS.register("cutout")
class Cutout(Augmentation):
    """Sets a rectangle of each image to 0, around a random pixel (Zhao et al., 2020).

    Args:
        ratio: Its height and width, as a fraction of the image's; near a border less is cut.

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

    def _varied(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        rows, columns = (
            self._cut(len(images[0]), length, images[0].device) for length in images[0].shape[2:]
        )
        kept = ~(rows[:, :, None] & columns[:, None, :])[:, None]
        return tuple(x * kept for x in images)

    def _cut(self, batch: int, length: int, device: torch.device) -> Tensor:
        size = int(length * self.ratio + 0.5)
        start = torch.randint(0, length + 1 - size % 2, (batch, 1), device=device) - size // 2
        places = torch.arange(length, device=device)
        return (places >= start) & (places < start + size)
