"""What the generator makes of a few pairs, for the eye and as a number."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganblocks.blocks import with_statistics
from ganblocks.data.base import PairedDataset, Sample
from ganblocks.data.direction import source_and_target
from ganblocks.pictures import grid
from ganblocks.training.randomness import own_randomness
from ganblocks.training.state import TrainState
from ganblocks.training.step import require_target


def sample_grid(
    generator: nn.Module,
    samples: Sequence[Sample],
    direction: str,
    *,
    statistics: str = "image",
    seed: int = 0,
) -> Tensor:
    """Draws a row for each pair: input, target, output.

    Args:
        generator: The generator; its mode, its buffers and the random state stay as they are.
        samples: The pairs.
        direction: `"a2b"` or `"b2a"`.
        statistics: `"image"` or `"running"`, see `with_statistics`.
        seed: Seed of the dropout that stays on.

    Returns:
        uint8 pixels (3, height, width).

    Raises:
        OptionError: A word is not allowed.

    Examples:
        >>> from ganblocks import SyntheticFacades, UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> sample_grid(generator, [SyntheticFacades(length=1, size=32)[0]], "b2a").dtype
        torch.uint8
    """
    twin = with_statistics(generator, statistics)
    rows = []
    with torch.inference_mode(), own_randomness(_device(twin), seed):
        for sample in samples:
            source, target = source_and_target(sample, direction)
            rows.append([source, target, twin(_batch(source, twin))[0]])
    return grid(rows)


def mean_l1(
    generator: nn.Module,
    dataset: PairedDataset,
    direction: str,
    *,
    statistics: str = "image",
    seed: int = 0,
) -> float:
    """Averages |output − target| over a dataset, in the units of [-1, 1].

    Args:
        generator: The generator; its mode, its buffers and the random state stay as they are.
        dataset: The pairs, each seen once.
        direction: `"a2b"` or `"b2a"`.
        statistics: `"image"` or `"running"`, see `with_statistics`.
        seed: Seed of the dropout that stays on.

    Raises:
        OptionError: A word is not allowed.

    Examples:
        >>> from ganblocks import SyntheticFacades, UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=3)
        >>> 0 < mean_l1(generator, SyntheticFacades(length=2, size=32), "b2a") < 2
        True
    """
    twin = with_statistics(generator, statistics)
    total = 0.0
    with torch.inference_mode(), own_randomness(_device(twin), seed):
        for index in range(len(dataset)):
            source, target = source_and_target(dataset[index], direction)
            batch = _batch(source, twin)
            total += (twin(batch)[0] - target.to(batch.device)).abs().mean().item()
    return total / len(dataset)


def rehearse(state: TrainState, sample: Sample, direction: str) -> None:
    """Runs both networks once, so that what does not fit shows before anything is written.

    Args:
        state: The networks; nothing in them changes.
        sample: One pair as the training will see it.
        direction: `"a2b"` or `"b2a"`.

    Raises:
        ShapeError: The pair's size or channels do not fit the networks or one another.
        OptionError: The direction is neither.

    Examples:
        >>> from ganblocks import PatchDiscriminator, SyntheticFacades, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> rehearse(state, SyntheticFacades(length=1, size=32)[0], "b2a")
    """
    source, target = source_and_target(sample, direction)
    generator, discriminator = (
        with_statistics(network, "image") for network in (state.result, state.discriminator)
    )
    batch = _batch(source, generator)
    with torch.inference_mode(), own_randomness(_device(generator), 0):
        fake = generator(batch)
        require_target(batch, fake, target.unsqueeze(0))
        discriminator(torch.cat((batch, fake), 1).to(_device(discriminator)))


def _batch(image: Tensor, network: nn.Module) -> Tensor:
    return image[None].to(_device(network))


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
