"""Discriminators at several scales of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.discriminators.chain import REPR_SIZE, describe_field, require_input
from ganblocks.discriminators.registry import DISCRIMINATORS
from ganblocks.errors import MOST_LEVELS, OptionError, listed, require_count
from ganblocks.registry import ComponentLike
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.weights import FromReference

REQUIRED = ("features", "receptive_field", "min_input_size", "output_size")


@DISCRIMINATORS.register("multiscale")
class MultiScaleDiscriminator(FromReference):
    """Discriminators of one kind over an image pyramid (Wang et al., CVPR 2018, section 3.2).

    (B, in_channels, H, W) → a list of logit maps, full size first. Each scale sees the image
    at half the size of the previous one, and has its own weights.

    Args:
        in_channels: Channels of the input, such as 6 for an RGB condition and an RGB image.
        discriminator: The discriminator of each scale, from `DISCRIMINATORS`, without
            `in_channels`.
        num_scales: Number of scales (num_D).

    Raises:
        OptionError: An argument has an invalid value.
        ShapeError: In forward: the image has the wrong channels or is smaller than
            `min_input_size`.

    Examples:
        >>> import torch
        >>> discriminator = MultiScaleDiscriminator(6, "patch_34", num_scales=2)
        >>> [tuple(logits.shape) for logits in discriminator(torch.zeros(1, 6, 128, 128))]
        [(1, 1, 30, 30), (1, 1, 14, 14)]
        >>> [field.size for field in discriminator.receptive_field]
        [(34, 34), (69, 69)]
    """

    def __init__(
        self,
        in_channels: int,
        discriminator: ComponentLike = "patch_70",
        *,
        num_scales: int = 3,
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("num_scales", num_scales, 1, MOST_LEVELS)
        if isinstance(discriminator, Mapping) and "in_channels" in discriminator:
            raise OptionError(
                "discriminator sets in_channels: pass them to MultiScaleDiscriminator instead"
            )
        self.in_channels = in_channels
        self.scales = nn.ModuleList(
            DISCRIMINATORS.build(discriminator, in_channels=in_channels) for _ in range(num_scales)
        )
        missing = [name for name in REQUIRED if not hasattr(self.scales[0], name)]
        if missing or not isinstance(self.scales[0].receptive_field, ReceptiveField):
            raise OptionError(
                f"discriminator is {discriminator!r}, which lacks "
                f"{listed(missing) if missing else 'a single receptive field'}: use one with a "
                "single scale, such as 'patch_70'"
            )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Scores the patches of every scale: higher is more real.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].
        """
        return [maps[-1] for maps in self.features(x)]

    def features(self, x: Tensor) -> tuple[tuple[Tensor, ...], ...]:
        """Returns the maps of all layers of each scale, the logits last.

        Args:
            x: Images (B, in_channels, H, W) in [-1, 1].

        Raises:
            OptionError: The images do not have the dtype of the weights.
            ShapeError: The images have the wrong number of channels, or are smaller than
                `min_input_size`.

        Examples:
            >>> import torch
            >>> discriminator = MultiScaleDiscriminator(6, "patch_34", num_scales=2)
            >>> [len(maps) for maps in discriminator.features(torch.zeros(1, 6, 128, 128))]
            [4, 4]
        """
        purpose = f"to give a logit at each of its {len(self.scales)} scales"
        require_input(self, x, purpose, self._remedy(x))
        maps = []
        for scale, discriminator in enumerate(self._each()):
            if scale:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            maps.append(discriminator.features(x))
        return tuple(maps)

    @property
    def receptive_field(self) -> tuple[ReceptiveField, ...]:
        """The receptive field of the logits of each scale, on the full-size image."""
        height, width = (max(256, n) for n in self.min_input_size)
        fields = receptive_field(self, (self.in_channels, height, width))
        return cast(tuple[ReceptiveField, ...], fields)

    @property
    def min_input_size(self) -> tuple[int, int]:
        """Smallest (H, W) with a logit at every scale."""
        return _least_size(self._each())

    def output_size(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Size (h, w) of each scale's logit map for an image of this size.

        Args:
            height: H in pixels.
            width: W in pixels.

        Examples:
            >>> MultiScaleDiscriminator(6, "patch_70").output_size(256, 256)
            ((30, 30), (14, 14), (6, 6))
        """
        sizes = []
        for discriminator in self._each():
            sizes.append(discriminator.output_size(height, width))
            height, width = (height + 1) // 2, (width + 1) // 2
        return tuple(sizes)

    def __repr__(self) -> str:
        """Adds the receptive field at each scale."""
        scales = zip(self.receptive_field, self.output_size(*REPR_SIZE), strict=True)
        return f"{super().__repr__()}  # " + "; ".join(describe_field(*scale) for scale in scales)

    def _remedy(self, x: Tensor) -> str:
        for count in range(len(self.scales) - 1, 0, -1):
            height, width = _least_size(self._each()[:count])
            if x.shape[2] >= height and x.shape[3] >= width:
                return f"Enlarge the image or use num_scales={count}"
        return str(getattr(self.scales[0], "remedy", "Enlarge the image"))

    def _each(self) -> list[Any]:
        return list(self.scales)


def _least_size(scales: list[Any]) -> tuple[int, int]:
    least = (1, 1)
    for discriminator in reversed(scales):
        # The pyramid reduces n pixels to (n + 1) // 2.
        doubled = (2 * least[0] - 1, 2 * least[1] - 1)
        own = discriminator.min_input_size
        least = (max(own[0], doubled[0]), max(own[1], doubled[1]))
    return least
