"""How strongly an output depends on the pixels of its receptive field."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, require_count
from ganblocks.rf.calculator import full_input_size, receptive_field
from ganblocks.rf.field import Box, ReceptiveField
from ganblocks.rf.outputs import kept_buffers, select_output, values_at


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """How strongly one output depends on each pixel.

    Attributes:
        map: Mean magnitude of the gradient at each pixel (*spatial), which sums to 1.
        index: The output's index.
        half_mass_radius: Radius in pixels of the disk around the center of mass that contains half
            of the sum.
        box: The theoretical field, half-open; it may extend beyond the image.
    """

    map: Tensor
    index: tuple[int, ...]
    half_mass_radius: float
    box: Box


@checked
def effective_receptive_field(
    module: nn.Module,
    input_size: Sequence[int] | None = None,
    index: Sequence[int] | None = None,
    *,
    output: Hashable = 0,
    inputs: Tensor | None = None,
    samples: int = 16,
    seed: int = 0,
) -> EffectiveField:
    """Measures how strongly one output depends on each pixel (Luo et al., NeurIPS 2016).

    It is E |∂y / ∂x|: the mean over images of the gradient's magnitude, summed over the channels of
    the image, where y is the sum of the output's channels. It is usually a bell much narrower than
    the theoretical field, and grows in training. The network's weights, buffers, mode and gradients
    are unchanged.

    Args:
        module: The network.
        input_size: As for `receptive_field`.
        index: The output's index; the center by default.
        output: Index or key of the map, if the network returns several.
        inputs: Images (B, C, *spatial) to average over; by default noise from N(0, 1).
        samples: Number of noise images.
        seed: Seed of the noise.

    Returns:
        An `EffectiveField`, on the CPU.

    Raises:
        OptionError: The output does not exist, or no pixel reaches it.

    Examples:
        >>> effective_receptive_field(nn.Conv2d(3, 1, 5, padding=2), (3, 31, 31)).box
        (13, 13, 18, 18)
    """
    require_count("samples", samples, 1)
    size = full_input_size(module, tuple(inputs.shape[1:]) if inputs is not None else input_size)
    field: ReceptiveField = select_output(receptive_field(module, size), output)
    place = tuple(index) if index is not None else tuple(n // 2 for n in field.map_size)
    box = field.box(*place)
    if inputs is None:
        generator = torch.Generator().manual_seed(seed)
        inputs = torch.randn(samples, *size, generator=generator)
    like = next(module.parameters(), inputs)
    total = torch.zeros(size[1:], dtype=torch.float64)
    with kept_buffers(module):
        for image in inputs.to(like.device, like.dtype).split(1):
            image = image.detach().requires_grad_()
            values = values_at(select_output(module(image), output), place)
            (gradient,) = torch.autograd.grad(values.sum(), image)
            total += gradient[0].abs().sum(0).double().cpu()
    if not total.any():
        raise OptionError(f"index {place}: no pixel of these images reaches that output")
    total /= total.sum()
    return EffectiveField(total, place, _half_mass_radius(total), box)


def _half_mass_radius(mass: Tensor) -> float:
    places = torch.stack(
        torch.meshgrid(*(torch.arange(n, dtype=mass.dtype) for n in mass.shape), indexing="ij")
    )
    center = (places * mass).flatten(1).sum(1)
    distance = (places.flatten(1) - center[:, None]).norm(dim=0)
    near, order = distance.sort()
    inside = mass.flatten()[order].cumsum(0)
    # A little less than half, so that rounding does not push the radius to the next ring.
    return float(near[int((inside >= 0.5 - 1e-9).nonzero()[0])])
