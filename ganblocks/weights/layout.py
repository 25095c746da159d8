"""Foreign layouts: the keys of a state dict, and the tensors of our networks they map to.

To add a layout, write one file with a `Format`; `tutorial_unet.py` is an example.

1. `pattern` matches the beginning of its keys; `component` is the registered name of our network.
2. `layout(norm, spec)` lists its tensors in order. `layer` lists a convolution and its norm if both
   are numbered (`model.2`, `model.3`), `named_layer` if they are named (`blocks.1.conv`,
   `blocks.1.bn`).
3. `guesses(weights)` yields candidate dimensions of a state dict; the first whose tensors all match
   is used. `shape_inference.py` reads numbers from shapes and keys. Guess only what the keys
   determine: another kernel size, for example, could have several paddings.
4. `arguments(norm)` are the other arguments with which our network computes the same outputs.
5. Add the `Format` to `FORMATS` in `formats.py`. The format whose pattern matches most keys is
   chosen, so the pattern should match all of them.
6. `to_reference` writes the first format that has the network's arguments. If two layouts have the
   same network, only one is `writable`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from ganblocks.registry import ComponentLike, Spec

Shape = tuple[int, ...]
Weights = Mapping[str, Tensor]


class Entry(NamedTuple):
    """One tensor: its foreign key, our key and its shape."""

    theirs: str
    ours: str
    shape: Shape


Layout = list[Entry]

NORMS: dict[str, ComponentLike] = {
    "batch": "batch",
    "instance": {"type": "instance", "affine": False},
    "none": "none",
}
"""The norms of foreign layouts, as arguments of our networks."""

KERNEL = 4  # of all U-Nets and PatchGANs
DEPTHS = range(1, 21)  # enough for images of a million pixels


@dataclass(frozen=True, kw_only=True)
class Keys:
    """How to recognize the keys of a layout."""

    name: str  # for messages, with its article
    reader: str  # our method that reads it
    pattern: str  # matches the beginning of its keys
    excluded: str | None = None  # matches keys that it never has

    def count(self, keys: Iterable[str]) -> int:
        """Returns the number of keys that match."""
        keys = list(keys)
        if self.excluded and any(re.match(self.excluded, key) for key in keys):
            return 0
        return sum(re.match(self.pattern, key) is not None for key in keys)


@dataclass(frozen=True, kw_only=True)
class Format(Keys):
    """A foreign layout of one of our networks.

    `writable`, `free` and `choices` are for `to_reference`. Arguments in neither `free` nor
    `choices` must have our default value.
    """

    source: str = "the PyTorch port"  # name of the code base, for messages
    component: str  # the registered name of our network
    layout: Callable[[str, Spec], Layout]  # from the norm's name and our arguments
    guesses: Callable[[Weights], Iterator[Spec]]  # dimensions of a state dict, likeliest first
    arguments: Callable[[str], Spec]  # from the norm's name: biases, dialect
    norms: Collection[str] = tuple(NORMS)
    nested: Callable[[Spec], Spec] = dict  # moves arguments into those of an inner network
    doubts: Callable[[Spec], Mapping[str, str]] = lambda _spec: {}  # unread arguments, and why
    writable: bool = True
    free: Collection[str] = ()  # arguments of any value: dimensions, dropout
    choices: Mapping[str, Collection[object]] = field(default_factory=dict)

    def candidates(self, weights: Weights) -> Iterator[tuple[Spec, Layout]]:
        """Yields arguments of our network that may match a state dict, and its tensors."""
        for guess in self.guesses(weights):
            for norm in self.norms:
                spec = {**guess, "norm": NORMS[norm], **self.arguments(norm)}
                yield self.nested(spec), self.layout(norm, spec)


def layer(
    path: str, index: int, ours: str, channels: tuple[int, int], kernel: int, **options: Any
) -> Layout:
    """Lists the tensors of a numbered convolution and its norm, with `named_layer`'s options.

    The foreign convolution is `path.index`, followed by the norm; ours are `ours.conv` and
    `ours.norm`.
    """
    conv, norm = f"{path}.{index}", f"{path}.{index + 1}"
    return named_layer(conv, norm, ours, channels, kernel, **options)


def named_layer(
    their_conv: str,
    their_norm: str,
    ours: str,
    channels: tuple[int, int],
    kernel: int,
    *,
    bias: bool,
    norm: str = "none",
    transposed: bool = False,
    spectral: bool = False,
) -> Layout:
    """Lists the tensors of a convolution, given its (input, output) channels, and of its norm.

    With `spectral`, the foreign one has torch's old spectral norm (before parametrizations).
    """
    sides = channels if transposed else channels[::-1]
    shape = (*sides, kernel, kernel)
    entries = [Entry(f"{their_conv}.weight", f"{ours}.conv.weight", shape)]
    if spectral:
        place = f"{ours}.conv.parametrizations.weight"
        entries = [
            Entry(f"{their_conv}.weight_orig", f"{place}.original", shape),
            Entry(f"{their_conv}.weight_u", f"{place}.0._u", shape[:1]),
            Entry(f"{their_conv}.weight_v", f"{place}.0._v", (math.prod(shape[1:]),)),
        ]
    if bias:
        entries.append(Entry(f"{their_conv}.bias", f"{ours}.conv.bias", channels[1:]))
    if norm == "batch":  # instance norm isn't affine there
        for name in ("weight", "bias", "running_mean", "running_var"):
            entries.append(Entry(f"{their_norm}.{name}", f"{ours}.norm.{name}", channels[1:]))
        count = "num_batches_tracked"
        entries.append(Entry(f"{their_norm}.{count}", f"{ours}.norm.{count}", ()))
    return entries


def doubling_channels(spec: Spec, layers: int) -> list[int]:
    """Returns the channels of layers that each double the width, up to a limit."""
    return [spec["base_channels"] * min(2**i, spec["max_multiplier"]) for i in range(layers)]
