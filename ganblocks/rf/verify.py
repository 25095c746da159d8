"""Compares the calculated receptive field with the measured one."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from torch import nn

from ganblocks.arguments import checked
from ganblocks.rf.calculator import full_input_size, receptive_field
from ganblocks.rf.outputs import named_outputs
from ganblocks.rf.probe import Box, Probe, without_modules


@dataclass(frozen=True)
class Disagreement:
    """An output for which the calculator and the probe disagree.

    Attributes:
        output: Index or key of the map.
        index: The output's index in it.
        calculated: The pixels that the calculator finds.
        measured: The pixels that the gradient reaches.
    """

    output: Any
    index: tuple[int, ...]
    calculated: Box
    measured: Box

    def __str__(self) -> str:
        return (
            f"output {self.index} of map {self.output!r}: calculated {self.calculated}, "
            f"measured {self.measured}"
        )


@checked
def verify_receptive_field(
    module: nn.Module,
    input_size: Sequence[int] | None = None,
    *,
    indices: Iterable[Sequence[int]] | None = None,
    statistics: str = "ignored",
    without: Iterable[type[nn.Module]] = (),
) -> tuple[Disagreement, ...]:
    """Compares the calculated support with the measured one, at the borders and inside.

    Args:
        module: The network.
        input_size: As for `receptive_field`.
        indices: The outputs to compare; by default the corners, the outputs next to them, the
            middles of the edges, the center and one random output of each map.
        statistics: As for `receptive_field`.
        without: Module classes to skip in both methods.

    Returns:
        The differences; empty if they agree.

    Raises:
        GanBlocksError: As for `receptive_field` and `probe_receptive_field`.

    Examples:
        >>> verify_receptive_field(nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.MaxPool2d(3)), (19, 23))
        ()
    """
    size = full_input_size(module, input_size)
    network = without_modules(copy.deepcopy(module), without)
    fields = receptive_field(network, size, statistics=statistics)
    probe = Probe(network, size, statistics=statistics)
    differing = []
    for output, field in named_outputs(fields).items():
        for index in indices or _places(field.map_size):
            calculated, measured = field.support(*index), probe.box(index, output)
            if calculated != measured:
                differing.append(Disagreement(output, tuple(index), calculated, measured))
    return tuple(differing)


def _places(size: tuple[int, ...]) -> list[tuple[int, ...]]:
    corners = set(product(*({0, n - 1} for n in size)))
    beside = set(product(*({min(1, n - 1), max(0, n - 2)} for n in size)))
    middle = tuple(n // 2 for n in size)
    edges = {
        (*middle[:axis], end, *middle[axis + 1 :])
        for axis, n in enumerate(size)
        for end in (0, n - 1)
    }
    random = Random(str(size))
    return sorted(corners | beside | edges | {middle, tuple(map(random.randrange, size))})
