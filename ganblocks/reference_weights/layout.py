"""What a state dict of another code base holds, key by key, and what we call the same tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ganblocks.errors import WeightsError
from ganblocks.registry import Spec

Shape = tuple[int, ...]
Weights = Mapping[str, Tensor]


class Entry(NamedTuple):
    """One tensor: its key there, its key here, its shape. Without a key there it is 0 here."""

    theirs: str | None
    ours: str
    shape: Shape


Layout = list[Entry]

Candidates = Iterable[tuple[Spec, Layout]]
"""Networks that a state dict may be of, the likeliest first: arguments of ours, and the layout."""

# The norms that the port has, each with the biases that it gives its convolutions.
PORT_NORMS: dict[str, Spec] = {
    "batch": {"norm": "batch", "bias": False},
    "instance": {"norm": {"type": "instance", "affine": False}, "bias": True},
    "none": {"norm": "none", "bias": False},
}


class Conv(NamedTuple):
    """The numbers that decide a convolution's shapes."""

    in_channels: int
    out_channels: int
    kernel_size: int

    def entries(
        self, theirs: str, ours: str, *, bias: bool, transposed: bool = False, zero: bool = False
    ) -> Layout:
        """Lists its tensors; `zero` is for a bias that only ours has."""
        square = (self.kernel_size, self.kernel_size)
        ends = (self.out_channels, self.in_channels)
        made = [
            Entry(
                f"{theirs}.weight", f"{ours}.weight", (ends[::-1] if transposed else ends) + square
            )
        ]
        if bias or zero:
            key = f"{theirs}.bias" if bias else None
            made.append(Entry(key, f"{ours}.bias", (self.out_channels,)))
        return made


def norm_entries(norm: str, theirs: str, ours: str, channels: int) -> Layout:
    """Lists a norm's tensors: instance norm has none in the port, as it learns nothing there."""
    if norm != "batch":
        return []
    each = [(name, (channels,)) for name in ("weight", "bias", "running_mean", "running_var")]
    return [
        Entry(f"{theirs}.{name}", f"{ours}.{name}", shape)
        for name, shape in [*each, ("num_batches_tracked", ())]
    ]


def doubled(base: int, times: int, max_multiplier: int) -> list[int]:
    """Gives the channels of `times` layers, each twice as wide as the last up to a limit.

    Examples:
        >>> doubled(64, 5, 8)
        [64, 128, 256, 512, 512]
    """
    return [base * min(2**i, max_multiplier) for i in range(times)]


def translated(
    weights: Weights, candidates: Candidates, what: str
) -> tuple[Spec, dict[str, Tensor]]:
    """Finds the network that a state dict is of, and puts the tensors under our keys.

    Args:
        weights: The state dict.
        candidates: The networks that it may be of; the first that fits is taken.
        what: What they are, for the message.

    Raises:
        WeightsError: None fits. The first key that does not fit the nearest is named.
    """
    tried = []
    for spec, layout in candidates:
        shapes = {entry.theirs: entry.shape for entry in layout if entry.theirs is not None}
        wrong = misfits(weights, shapes)
        if not wrong:
            return spec, {
                entry.ours: torch.zeros(entry.shape)
                if entry.theirs is None
                else weights[entry.theirs]
                for entry in layout
            }
        tried.append((wrong, shapes, spec))
    wrong, shapes, spec = min(tried, key=lambda one: len(one[0]))
    said = ", ".join(f"{knob}={value!r}" for knob, value in spec.items())
    count = "1 key differs" if len(wrong) == 1 else f"{len(wrong)} keys differ"
    raise WeightsError(
        f"the state dict is no {what} that we know. In the nearest ({said}) {count} "
        f"(the network has {len(shapes)}); the first: {misfit(wrong[0], weights, shapes)}. Check "
        "that the file is whole and that nothing was renamed"
    )


def misfits(have: Weights, want: Mapping[str, Shape]) -> list[str]:
    """Lists the keys that are missing or of another shape, then those that are left over."""
    return [key for key, shape in want.items() if key not in have or have[key].shape != shape] + [
        key for key in have if key not in want
    ]


def misfit(key: str, have: Weights, want: Mapping[str, Shape]) -> str:
    """Says what is wrong with a key, with both shapes."""
    there = str(tuple(have[key].shape)) if key in have else "missing"
    return f"{key} is {there}, and should be {want.get(key, 'absent')}"


def fitting(state: dict[str, Tensor], own: Weights, network: str) -> dict[str, Tensor]:
    """Gives the state back if a network's own state dict has the same keys and shapes.

    Args:
        state: The tensors under our keys.
        own: The network's state dict as it was built.
        network: The name of its class, for the message.

    Raises:
        WeightsError: A knob contradicts the keys; the first key that does not fit is named.

    Examples:
        >>> import torch
        >>> fitting({"a": torch.zeros(2)}, {"a": torch.ones(2)}, "Network")
        {'a': tensor([0., 0.])}
    """
    shapes = {key: tuple(value.shape) for key, value in own.items()}
    wrong = misfits(state, shapes)
    if wrong:
        raise WeightsError(
            f"the weights do not fit this {network}: {misfit(wrong[0], state, shapes)}. A knob "
            "given to from_reference contradicts them: leave out those that decide keys and shapes"
        )
    return state
