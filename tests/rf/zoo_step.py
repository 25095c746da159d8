"""What the zoo's steps are made of."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from torch import Tensor, nn

Made = tuple[str, Callable[..., Tensor], Sequence[nn.Module]] | None
"""What a step does: a description, and a function of the map and of these modules."""

KINDS: dict[str, Callable[[Random, Tensor], Made]] = {}
"""What makes a step of each kind for the present map; None where it does not fit."""

AXES: dict[str, Sequence[int]] = {}
"""With how many spatial axes each kind can be made."""

MOST = {1: 40, 2: 20, 3: 9}
"""Longest side of a map, by its number of axes."""

MOST_CHANNELS = 8


class Step(nn.Module):
    """One step of a graph."""

    def __init__(self, kind: str, words: str, run: Callable[..., Tensor], parts: Sequence[Any]):
        super().__init__()
        self.kind = kind
        self.words = words
        self.run = run  # it must hold no module: a deep copy would share it
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return self.run(x, *self.parts)

    def extra_repr(self):
        return f"{self.kind}: {self.words}"


def kind(maker=None, *, axes=(1, 2, 3)):
    """Adds a maker to the zoo by its name."""
    if maker is None:
        return lambda maker: kind(maker, axes=axes)
    KINDS[maker.__name__], AXES[maker.__name__] = maker, axes
    return maker


def make_step(random: Random, x: Tensor, name: str) -> tuple[Step, Tensor] | None:
    """Makes a step of that kind and the map after it; None where it does not fit."""
    axes = x.ndim - 2
    made = KINDS[name](random, x) if axes in AXES[name] else None
    if made is None:
        return None
    step = Step(name, *made).double().eval()
    try:
        y = step(x)
    except (RuntimeError, ValueError):  # a kernel larger than the map, a map of no pixels
        return None
    if y.ndim != x.ndim or not 0 < y.shape[1] <= MOST_CHANNELS:
        return None
    return (step, y) if 0 < min(y.shape[2:]) <= max(y.shape[2:]) <= MOST[axes] else None


def make_steps(random, x, length, names) -> tuple[list[Step], Tensor]:
    """Makes so many steps at most, of these kinds, and the map after them."""
    steps: list[Step] = []
    for _ in range(3 * length):
        if len(steps) < length and (made := make_step(random, x, random.choice(names))):
            steps.append(made[0])
            x = made[1]
    return steps, x


def each(random, x, low, high):
    """Draws a number for each axis."""
    return tuple(random.randint(low, high) for _ in x.shape[2:])


def of(name, x):
    """Returns nn.Conv2d and the like, by the number of axes."""
    return getattr(nn, f"{name}{x.ndim - 2}d")


def divisor(random, n):
    """Draws a number that divides another."""
    return random.choice([d for d in range(1, n + 1) if n % d == 0])


def one(module) -> Made:
    """A step that is one module."""
    return repr(module), lambda x, part: part(x), [module]


def plain(words, run) -> Made:
    """A step without weights."""
    return words, run, []


def every_pixel(x):
    """Returns the spatial axes."""
    return tuple(range(2, x.ndim))


def over_pixels(weight, x):
    """Shapes a vector of the channels so that it broadcasts over the map."""
    return weight.reshape(-1, *[1] * (x.ndim - 2))


def channels_last(x, run):
    """Runs a function of the last axis over the channels."""
    return run(x.movedim(1, -1)).movedim(-1, 1)
