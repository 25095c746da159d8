"""Measures receptive fields by the pixels that a gradient reaches with positive weights.

Nothing here uses the calculator, so that each can verify the other.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable, Sequence

import torch
from torch import nn

from ganblocks.arguments import checked
from ganblocks.errors import require_one_of
from ganblocks.rf.linearized import LinearizedMode, gradient_hull
from ganblocks.rf.outputs import select_output, values_at

Box = tuple[int, ...]

# Checkpointing flags: parts that rerun in the backward pass would not be linearized.
CHECKPOINTING = {"checkpointing", "gradient_checkpointing", "use_checkpoint", "memory_efficient"}


@checked
def probe_receptive_field(
    module: nn.Module,
    input_size: Sequence[int],
    index: Sequence[int],
    *,
    output: Hashable = 0,
    statistics: str = "ignored",
    without: Iterable[type[nn.Module]] = (),
) -> Box:
    """Measures which pixels of the image reach an output.

    In a copy of the network, in eval mode and float64, all weights are drawn positive, activations
    are skipped and maxima become means. Then no paths cancel, no ReLU is dead and no maximum hides
    a pixel, so the output's gradient is nonzero at every pixel that can reach it.

    Args:
        module: The network.
        input_size: (C, *spatial).
        index: The output's index, one number for each axis.
        output: Index or key of the map, if the network returns several.
        statistics: As for `receptive_field`; "ignored" skips norms and treats gates as constants.
        without: Module classes to skip, such as squeeze-excite.

    Returns:
        The half-open bounding box: the first pixel of each axis, then one past the last of each;
        all zeros if there are none.

    Raises:
        OptionError: `module` is not a module, the output does not exist, or an argument is invalid.

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
        self._generator = torch.Generator().manual_seed(0)
        network = without_modules(copy.deepcopy(module).eval(), without)
        network = _with_positive_weights(network, self._generator)
        image = torch.rand(1, *input_size, dtype=torch.float64, generator=self._generator) + 0.5
        self.image = image.requires_grad_()
        with LinearizedMode(self.image, statistics):
            self.outputs = network(self.image)

    def box(self, index: Sequence[int], output: Hashable = 0) -> Box:
        """Measures which pixels reach an output."""
        values = values_at(select_output(self.outputs, output), index)
        weights = torch.rand(values.shape, dtype=values.dtype, generator=self._generator) + 0.5
        first, end = gradient_hull((values * weights).sum(), self.image)
        return (*first, *end) or (0,) * (2 * (self.image.ndim - 2))


def without_modules(network: nn.Module, classes: Iterable[type[nn.Module]]) -> nn.Module:
    """Replaces all modules of some classes by identity."""
    classes = tuple(classes)
    for name, part in list(network.named_modules()):
        if name and isinstance(part, classes):
            network.set_submodule(name, nn.Identity())
    return network


def _with_positive_weights(network: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draws positive weights, at a scale that preserves the magnitude of values."""
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
