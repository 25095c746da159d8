"""A generator's outputs of a few inputs, as figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor, nn

from ganblocks.blocks import with_statistics
from ganblocks.errors import DataError
from ganblocks.health.channels import ChannelRanges
from ganblocks.randomness import own_randomness, random_state

MOST = 4
# Of the range from -1 to 1: beyond this a tanh has hardly a gradient.
SATURATED = 0.99


@dataclass(frozen=True)
class Probe:
    """How a generator's outputs differ, in units of [-1, 1].

    Differences are root mean squares over the values, averaged over the pairs of images.

    Attributes:
        inputs: How many inputs it got.
        input_spread: How much the inputs differ from one another; None with one alone.
        by_input: How much the outputs differ with the input, the noise being the same; None
            with one input.
        by_noise: How much the output of one input differs with the noise; None where the
            generator draws none.
        output_spread: How much the outputs differ, each with a noise of its own; None with one
            input.
        contrast: The largest standard deviation within an output.
        saturated: The share of the values that lie at an end of the range.
        dead: The share of dead channels of each activation that has some, by its name.
    """

    inputs: int
    input_spread: float | None
    by_input: float | None
    by_noise: float | None
    output_spread: float | None
    contrast: float
    saturated: float
    dead: dict[str, float]


def probe_generator(generator: nn.Module, sources: Sequence[Tensor], seed: int = 0) -> Probe:
    """Runs a generator on a few inputs, in eval mode with the statistics of the image.

    Args:
        generator: The generator; its mode, its buffers and the random state stay as they are.
        sources: Inputs (C, H, W) in [-1, 1]; the first four of the first one's size are used.
        seed: Seed of the noise.

    Raises:
        DataError: There are no inputs.

    Examples:
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> probe = probe_generator(generator, list(torch.rand(2, 3, 16, 16)))
        >>> probe.inputs, probe.by_noise, probe.by_input > 0
        (2, None, True)
    """
    if not sources:
        raise DataError("sources is empty: pass one image (C, H, W) or more")
    inputs = [x for x in sources if x.shape == sources[0].shape][:MOST]
    twin = with_statistics(generator, "image")
    ranges = ChannelRanges(twin)
    with torch.inference_mode():
        runs = [_run(twin, x, seed) for x in inputs]
        same, draws = [made for made, _ in runs], runs[0][1]
        own = [_run(twin, x, seed + 1 + i)[0] for i, x in enumerate(inputs)] if draws else same
    outputs = torch.stack(same)
    return Probe(
        inputs=len(inputs),
        input_spread=_spread(inputs),
        by_input=_spread(same),
        by_noise=fmean(map(_difference, same, own)) if draws else None,
        output_spread=_spread(own),
        contrast=outputs.var((2, 3), correction=0).mean(1).max().sqrt().item(),
        saturated=(outputs.abs() > SATURATED).float().mean().item(),
        dead=ranges.dead(),
    )


def _run(twin: nn.Module, source: Tensor, seed: int) -> tuple[Tensor, bool]:
    """Returns the output, and whether the call drew random numbers."""
    device = next(twin.parameters()).device
    with own_randomness(device, seed):
        before = random_state(device)
        made: Tensor = twin(source[None].to(device))[0].float()
        after = random_state(device)
    return made, any(not torch.equal(before[kind], after[kind]) for kind in before)


def _spread(images: list[Tensor]) -> float | None:
    pairs = list(combinations(images, 2))
    return fmean(_difference(a, b) for a, b in pairs) if pairs else None


def _difference(a: Tensor, b: Tensor) -> float:
    return (a - b).square().mean().sqrt().item()
