"""The receptive field measured: which pixels a gradient reaches in a network of positive weights.

Nothing here knows of the calculator, so that each can prove the other.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, require_one_of
from ganblocks.rf.outputs import picked
from ganblocks.rf.straightened import Straightened

Box = tuple[int, ...]

# What networks call the switch by which backward runs parts of them once more. Those runs would
# not be straightened.
CHECKPOINTING = {"checkpointing", "gradient_checkpointing", "use_checkpoint", "memory_efficient"}


def probe_receptive_field(
    module: nn.Module,
    input_size: Sequence[int],
    index: Sequence[int],
    *,
    output: Any = 0,
    statistics: str = "ignored",
    without: Iterable[type[nn.Module]] = (),
) -> Box:
    """Measures which pixels of the image reach one output.

    In a copy of the network, in eval mode and float64, all weights are drawn positive,
    activations are left out and maxima become means. Then no two paths cancel, no ReLU is dead
    and no maximum hides a pixel, and the gradient of the output is not 0 at every pixel that
    can reach it.

    Args:
        module: The network.
        input_size: (C, *spatial).
        index: The output's place, one number for each axis.
        output: Which map, by number or key, where the network gives several.
        statistics: As for `receptive_field`; "ignored" leaves norms out.
        without: Classes of modules that are left out, such as squeeze-excite.

    Returns:
        The hull of those pixels, half-open: the first of each axis, then one past the last;
        all zeros where there is none.

    Raises:
        OptionError: `module` is no module, the index names no output, or a word is not allowed.

    Examples:
        >>> probe_receptive_field(nn.Conv2d(3, 8, 3, padding=1), (3, 9, 9), (0, 4))
        (0, 3, 2, 6)
    """
    probe = Probe(module, input_size, statistics=statistics, without=without)
    return probe.box(index, output)


class Probe:
    """Measures many outputs of one network; see `probe_receptive_field`."""

    def __init__(
        self,
        module: nn.Module,
        input_size: Sequence[int],
        *,
        statistics: str = "ignored",
        without: Iterable[type[nn.Module]] = (),
    ) -> None:
        require_one_of("statistics", statistics, ["ignored", "counted"])
        if not isinstance(module, nn.Module):
            raise OptionError(f"{module!r} is no network: give an nn.Module")
        generator = torch.Generator().manual_seed(0)
        network = _positive(left_out(copy.deepcopy(module).eval(), without), generator)
        image = torch.rand(1, *input_size, dtype=torch.float64, generator=generator) + 0.5
        self.image = image.requires_grad_()
        with Straightened(norms=statistics == "ignored"):
            self.out = network(self.image)
        self._generator = generator

    def map_size(self, output: Any = 0) -> tuple[int, ...]:
        """Returns the spatial size of one of the network's maps."""
        return tuple(picked(self.out, output).shape[2:])

    def box(self, index: Sequence[int], output: Any = 0) -> Box:
        """Measures which pixels reach one output."""
        size, place = self.map_size(output), tuple(index)
        if len(place) != len(size) or any(not 0 <= i < n for i, n in zip(place, size, strict=True)):
            raise OptionError(f"index {place}: the output is {size}")
        chosen = picked(self.out, output).flatten(0, 1)
        for i in place:
            chosen = chosen[:, i]
        weights = torch.rand(chosen.shape, dtype=chosen.dtype, generator=self._generator) + 0.5
        gradient = None
        if chosen.requires_grad:
            (gradient,) = torch.autograd.grad(
                chosen, self.image, weights, retain_graph=True, allow_unused=True
            )
        return _hull(gradient, self.image.ndim - 2)


def left_out(network: nn.Module, classes: Iterable[type[nn.Module]]) -> nn.Module:
    """Puts an identity in the place of all modules of some classes."""
    for name, part in list(network.named_modules()):
        if name and isinstance(part, tuple(classes)):
            network.set_submodule(name, nn.Identity())
    return network


def _positive(network: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draws all weights positive, so that what goes through a layer keeps its order of size."""
    network = network.double()
    for part in network.modules():
        for flag in CHECKPOINTING.intersection(vars(part)):
            setattr(part, flag, False)
    with torch.no_grad():
        for weight in [*network.parameters(), *network.buffers()]:
            if weight.is_floating_point():
                drawn = torch.rand(weight.shape, dtype=weight.dtype, generator=generator) + 0.5
                weight.copy_(drawn / weight[0].numel() if weight.ndim > 1 else drawn)
    return network


def _hull(gradient: Tensor | None, axes: int) -> Box:
    places = torch.empty(0, axes)
    if gradient is not None:
        places = (gradient != 0).flatten(0, 1).any(0).nonzero()
    if not len(places):
        return (0,) * (2 * axes)
    return (*places.amin(0).tolist(), *(places.amax(0) + 1).tolist())
