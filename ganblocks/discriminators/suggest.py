"""Which PatchGAN sees about so much of an image: the calculator read backwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ganblocks.discriminators.patch import PatchDiscriminator, field_of_layers
from ganblocks.errors import OptionError, require_count
from ganblocks.rf.chain import output_size_of_chain
from ganblocks.rf.counting import clear_outputs

KERNELS = (3, 4, 5)
MOST_LAYERS = 8


@dataclass(frozen=True)
class PatchSuggestion:
    """A PatchGAN, what its logits see, and what it costs.

    Attributes:
        n_layers: Convolutions of stride 2.
        kernel_size: Side of every kernel.
        in_channels: Channels of the input.
        receptive_field: Side of the patch that a logit sees, in pixels.
        stride: Pixels from one logit's patch to the next.
        grid: Size (h, w) of the logit map.
        clear: How many logits see no padding.
        parameters: Count of parameters.
        multiply_adds: Multiplications with addition in its convolutions, for one image.
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
        """The spec from which `DISCRIMINATORS` builds it."""
        return {
            "type": "patch",
            "in_channels": self.in_channels,
            "n_layers": self.n_layers,
            "kernel_size": self.kernel_size,
        }

    def build(self, **options: Any) -> PatchDiscriminator:
        """Builds it, with other arguments if wanted.

        Args:
            **options: Arguments of `PatchDiscriminator`, which go before those of the suggestion.

        Examples:
            >>> (one,) = suggest_patch_discriminator(receptive_field=34, image_size=64, count=1)
            >>> one.build(base_channels=8).receptive_field.size
            (34, 34)
        """
        words = {name: value for name, value in self.spec.items() if name != "type"}
        return PatchDiscriminator(**{**words, **options})

    def __str__(self) -> str:
        height, width = self.grid
        logits = height * width
        padding = (
            "every logit looks at padding"
            if not self.clear
            else (f"{logits - self.clear} of {logits} logits look at padding")
        )
        return (
            f"n_layers={self.n_layers}, kernel_size={self.kernel_size}: sees "
            f"{self.receptive_field}×{self.receptive_field}, stride {self.stride}, "
            f"{height}×{width} logits, {self.parameters / 1e6:.2f} M parameters, "
            f"{self.multiply_adds / 1e9:.2f} G multiply-adds; {padding}"
        )


def suggest_patch_discriminator(
    *,
    receptive_field: int,
    image_size: int | tuple[int, int],
    in_channels: int = 6,
    count: int = 5,
) -> tuple[PatchSuggestion, ...]:
    """Lists PatchGANs whose logits see about so much of an image.

    Kernels of 3, 4 and 5 with 1 to 8 layers are looked at, the rest as by default; those whose
    logit map would vanish are left out.

    Args:
        receptive_field: Side of the patch that a logit shall see, in pixels.
        image_size: Side of the image, or (height, width).
        in_channels: Channels of the input.
        count: How many to list.

    Returns:
        The suggestions, the nearest first; where two are as near, that with fewer parameters.

    Raises:
        OptionError: A number is not allowed, or no PatchGAN gives a logit of such an image.

    Examples:
        >>> for one in suggest_patch_discriminator(receptive_field=70, image_size=256, count=2):
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
    found = [*_candidates(in_channels, (size[0], size[1]))]
    if not found:
        raise OptionError(
            f"image_size is {image_size!r}: no PatchDiscriminator gives a logit of so small an "
            "image. PixelDiscriminator judges every pixel by itself",
            see="which-n-layers",
        )
    found.sort(key=lambda one: (abs(one.receptive_field - receptive_field), one.parameters))
    return tuple(found[:count])


def _candidates(in_channels: int, size: tuple[int, int]) -> Iterator[PatchSuggestion]:
    for kernel in KERNELS:
        for n_layers in range(1, MOST_LAYERS + 1):
            with torch.device("meta"):
                network = PatchDiscriminator(in_channels, n_layers=n_layers, kernel_size=kernel)
            least = network.min_input_size
            if size[0] < least[0] or size[1] < least[1]:
                continue
            field = field_of_layers(n_layers, kernel)
            convs = network.convolutions()
            work = 0
            for last in range(1, len(convs) + 1):
                height, width = output_size_of_chain(convs[:last], *size)
                work += height * width * convs[last - 1].weight.numel()
            grid = network.output_size(*size)
            yield PatchSuggestion(
                n_layers,
                kernel,
                in_channels,
                field,
                2**n_layers,
                grid,
                clear_outputs(network.receptive_field, size, grid),
                sum(p.numel() for p in network.parameters()),
                work,
            )
