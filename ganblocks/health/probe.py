"""Measures a generator's outputs for a few inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor, nn

from ganblocks.arguments import Floats, checked
from ganblocks.blocks import with_statistics
from ganblocks.blocks.statistics import device_of
from ganblocks.errors import DataError
from ganblocks.health.channels import ChannelRanges
from ganblocks.randomness import own_randomness, random_state

MAX_INPUTS = 4
# Beyond this, tanh has almost no gradient.
SATURATED = 0.99


@dataclass(frozen=True)
class Probe:
    """Measurements of a generator's outputs, for images in [-1, 1].

    A difference is a root mean square over the values, averaged over all pairs of images.

    Attributes:
        inputs: The number of inputs.
        input_spread: Difference between the inputs; None for a single input.
        by_input: Difference between the outputs for the same noise; None for a single input.
        by_noise: Difference between outputs for the same input; None if the generator draws no
            noise.
        output_spread: Difference between the outputs, each with its own noise; None for a single
            input.
        contrast: The largest standard deviation within an output.
        saturated: The fraction of values at an end of the range.
        dead: The fraction of dead channels, by the name of each activation that has any.
    """

    inputs: int
    input_spread: float | None
    by_input: float | None
    by_noise: float | None
    output_spread: float | None
    contrast: float
    saturated: float
    dead: dict[str, float]


@checked
def probe_generator(generator: nn.Module, sources: Sequence[Floats], seed: int = 0) -> Probe:
    """Runs a generator on a few inputs, in eval mode with image statistics.

    Args:
        generator: The generator; its mode, its buffers and the random state are left unchanged.
        sources: Inputs (C, H, W) in [-1, 1]; at most four of the size of the first one are used.
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
        raise DataError("sources is empty: pass at least one image (C, H, W)")
    inputs = [x for x in sources if x.shape == sources[0].shape][:MAX_INPUTS]
    twin = with_statistics(generator, "image")
    ranges = ChannelRanges(twin)
    with torch.inference_mode():
        runs = [_run(twin, x, seed) for x in inputs]
        same, draws = [output for output, _ in runs], runs[0][1]
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
    device = device_of(twin)
    with own_randomness(device, seed):
        before = random_state(device)
        output: Tensor = twin(source[None].to(device))[0].float()
        after = random_state(device)
    return output, any(not torch.equal(before[kind], after[kind]) for kind in before)


def _spread(images: list[Tensor]) -> float | None:
    pairs = list(combinations(images, 2))
    return fmean(_difference(a, b) for a, b in pairs) if pairs else None


def _difference(a: Tensor, b: Tensor) -> float:
    return (a - b).square().mean().sqrt().item()
