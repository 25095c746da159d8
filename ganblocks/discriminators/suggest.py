"""Finds PatchGANs with a given receptive field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ganblocks.arguments import checked
from ganblocks.discriminators.patch import PatchDiscriminator, field_of_layers
from ganblocks.errors import OptionError, require_count
from ganblocks.rf.chain import output_size_of_chain
from ganblocks.rf.counting import clear_outputs

KERNELS = (3, 4, 5)
MAX_LAYERS = 8


@dataclass(frozen=True)
class PatchSuggestion:
    """A PatchGAN with its receptive field and its cost.

    Attributes:
        n_layers: Convolutions of stride 2.
        kernel_size: Side of every kernel.
        in_channels: Channels of the input.
        receptive_field: Side of the patch that a logit sees, in pixels.
        stride: Distance between neighboring patches in pixels.
        grid: Size (h, w) of the logit map.
        clear: Number of logits that see no padding.
        parameters: Number of parameters.
        multiply_adds: Multiply-adds of its convolutions for one image.
    """

    n_layers: int
    kernel_size: int
    in_channels: int
    receptive_field: int
    stride: int
    grid: tuple[int, int]
    clear: int
    parameters: int
    multiply_adds: int

    @property
    def spec(self) -> dict[str, Any]:
        """The discriminator's spec, for `DISCRIMINATORS.build`."""
        return {
            "type": "patch",
            "in_channels": self.in_channels,
            "n_layers": self.n_layers,
            "kernel_size": self.kernel_size,
        }

    def build(self, **options: Any) -> PatchDiscriminator:
        """Builds the discriminator.

        Args:
            **options: Arguments of `PatchDiscriminator`, which override the suggestion's.

        Examples:
            >>> (suggestion,) = suggest_patch_discriminator(
            ...     receptive_field=34, image_size=64, in_channels=6, count=1
            ... )
            >>> suggestion.build(base_channels=8).receptive_field.size
            (34, 34)
        """
        arguments = {**self.spec, **options}
        del arguments["type"]
        return PatchDiscriminator(**arguments)

    def __str__(self) -> str:
        height, width = self.grid
        logits = height * width
        padded = (
            f"{logits - self.clear} of {logits} logits look" if self.clear else "every logit looks"
        )
        return (
            f"n_layers={self.n_layers}, kernel_size={self.kernel_size}: sees "
            f"{self.receptive_field}×{self.receptive_field}, stride {self.stride}, "
            f"{height}×{width} logits, {self.parameters / 1e6:.2f} M parameters, "
            f"{self.multiply_adds / 1e9:.2f} G multiply-adds; {padded} at padding"
        )


@checked
def suggest_patch_discriminator(
    *,
    receptive_field: int,
    image_size: int | tuple[int, int],
    in_channels: int,
    count: int = 5,
) -> tuple[PatchSuggestion, ...]:
    """Lists the PatchGANs whose receptive field is nearest to a given one.

    Candidates have kernels of 3, 4 or 5, 1 to 8 layers, and default values otherwise. Those too
    large for the image are left out.

    Args:
        receptive_field: Desired side of the patches in pixels.
        image_size: Side of the image, or (height, width).
        in_channels: Channels of the input.
        count: Maximum number of suggestions.

    Returns:
        The suggestions, nearest first; of two equally near ones, the one with fewer parameters.

    Raises:
        OptionError: An argument has an invalid value, or every PatchGAN is too large for the image.

    Examples:
        >>> found = suggest_patch_discriminator(receptive_field=70, image_size=256, in_channels=6)
        >>> for one in found[:2]:
        ...     print(one.n_layers, one.kernel_size, one.receptive_field, one.grid)
        3 4 70 (30, 30)
        3 3 47 (32, 32)
    """
    require_count("receptive_field", receptive_field, 1)
    require_count("in_channels", in_channels, 1)
    require_count("count", count, 1)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        raise OptionError(f"image_size is {image_size!r}: write one side, or (height, width)")
    for side in size:
        require_count("image_size", side, 1)
    candidates = list(_candidates(in_channels, (size[0], size[1])))
    if not candidates:
        raise OptionError(
            f"image_size is {image_size!r}: too small for any PatchDiscriminator. "
            "PixelDiscriminator judges single pixels",
            see="which-n-layers",
        )
    candidates.sort(key=lambda one: (abs(one.receptive_field - receptive_field), one.parameters))
    return tuple(candidates[:count])


def _candidates(in_channels: int, size: tuple[int, int]) -> Iterator[PatchSuggestion]:
    for kernel in KERNELS:
        for n_layers in range(1, MAX_LAYERS + 1):
            with torch.device("meta"):
                network = PatchDiscriminator(in_channels, n_layers=n_layers, kernel_size=kernel)
            least = network.min_input_size
            if size[0] < least[0] or size[1] < least[1]:
                continue
            convolutions = [block.conv for block in (*network.blocks, network.logits)]
            multiply_adds = 0
            for count, convolution in enumerate(convolutions, 1):
                height, width = output_size_of_chain(convolutions[:count], *size)
                multiply_adds += height * width * convolution.weight.numel()
            grid = network.output_size(*size)
            yield PatchSuggestion(
                n_layers,
                kernel,
                in_channels,
                field_of_layers(n_layers, kernel),
                2**n_layers,
                grid,
                clear_outputs(network.receptive_field, size, grid),
                sum(p.numel() for p in network.parameters()),
                multiply_adds,
            )
