"""What a foreign layout says of itself: its keys, and which of our tensors each one is."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from ganblocks.registry import ComponentLike, Spec

Shape = tuple[int, ...]
Weights = Mapping[str, Tensor]


class Entry(NamedTuple):
    """One tensor: its key there, its key here, its shape. Without a key there it is 0 here."""

    theirs: str | None
    ours: str
    shape: Shape


Layout = list[Entry]

PORT = "the PyTorch port"
NORMS: dict[str, ComponentLike] = {
    "batch": "batch",
    "instance": {"type": "instance", "affine": False},
    "none": "none",
}
"""The norms that foreign layouts have, as our networks take them."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """How the keys of a kind of state dict look; patterns match their beginning."""

    what: str  # for messages
    reader: str  # the method of ours that reads it
    pattern: str
    absent: str | None = None  # of keys that it never has

    def count(self, keys: Iterable[str]) -> int:
        """Returns how many of the keys look like its own."""
        keys = list(keys)
        if self.absent and any(re.match(self.absent, key) for key in keys):
            return 0
        return sum(re.match(self.pattern, key) is not None for key in keys)


@dataclass(frozen=True, kw_only=True)
class Format(Keys):
    """A foreign layout of one of our networks, for reading and for writing."""

    source: str = PORT
    component: str  # the registered name of our network
    layout: Callable[[str, Spec], Layout]  # by the norm's name and our arguments, in their order
    guesses: Callable[[Weights], Iterator[Spec]]  # dimensions of a state dict, likeliest first
    biases: Callable[[str], Spec]  # the bias arguments that go with a norm
    dimensions: Collection[str]  # arguments that decide keys and shapes, of any value
    norms: Collection[str] = tuple(NORMS)
    dialect: Spec = field(default_factory=dict)  # differs from our defaults without a trace in keys
    silent: Collection[str] = ("init",)  # changes neither keys nor the output in eval mode
    choices: Mapping[str, tuple[object, ...]] = field(default_factory=dict)  # beside our default
    least: Mapping[str, int] = field(default_factory=dict)  # of a dimension

    def candidates(self, weights: Weights) -> Iterator[tuple[Spec, Layout]]:
        """Yields the networks that a state dict may be of: arguments of ours, and the layout."""
        for guess in self.guesses(weights):
            for norm in self.norms:
                spec = {**guess, "norm": NORMS[norm], **self.biases(norm), **self.dialect}
                yield spec, self.layout(norm, spec)


def conv(
    theirs: str,
    ours: str,
    ends: tuple[int, int],
    kernel: int,
    *,
    bias: bool,
    transposed: bool = False,
    zero: bool = False,
) -> Layout:
    """Lists a convolution's tensors, from and to `ends`; `zero` is for a bias of ours alone."""
    sides = ends if transposed else ends[::-1]
    made = [Entry(f"{theirs}.weight", f"{ours}.weight", (*sides, kernel, kernel))]
    if bias or zero:
        made.append(Entry(f"{theirs}.bias" if bias else None, f"{ours}.bias", ends[1:]))
    return made


def normed(norm: str, theirs: str, ours: str, channels: int) -> Layout:
    """Lists a norm's tensors: only batch norm has any, as instance norm learns nothing there."""
    if norm != "batch":
        return []
    names = ("weight", "bias", "running_mean", "running_var")
    made = [Entry(f"{theirs}.{name}", f"{ours}.{name}", (channels,)) for name in names]
    count = "num_batches_tracked"
    return [*made, Entry(f"{theirs}.{count}", f"{ours}.{count}", ())]


def doubled(spec: Spec, times: int) -> list[int]:
    """Returns the channels of `times` layers, each twice as wide as the last up to a limit."""
    return [spec["base_channels"] * min(2**i, spec["max_multiplier"]) for i in range(times)]
