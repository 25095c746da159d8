"""A zoo of random networks for the receptive-field calculator: small maps, every operation.

`make_graph(random, …)` makes one from any `random.Random`, and `graphs()` is the same as a
hypothesis strategy. A graph is a chain of steps, each of a kind from `KINDS`; a step that does not
fit the map it would get is left out, so that every draw is a valid network.
"""

from random import Random

import torch
import zoo_branches  # noqa: F401  (these fill KINDS)
import zoo_shapes  # noqa: F401
import zoo_sizes  # noqa: F401
import zoo_values  # noqa: F401
import zoo_whole  # noqa: F401
from hypothesis import strategies as st
from torch import nn
from zoo_step import AXES, KINDS, Step, make_step, make_steps

LARGEST = {1: 16, 2: 12, 3: 6}
"""Longest side of an image, by its number of axes."""

TRIES = 8


class Graph(nn.Sequential):
    """Steps, and the shape (C, *spatial) of the image that they were drawn for."""

    def __init__(self, shape, steps):
        # Without a convolution, (C, N) looks like (H, W).
        stem = [nn.Conv1d(shape[0], shape[0], 1).double()] if len(shape) == 2 else []
        super().__init__(*stem, *steps)
        self.shape = shape
        self.eval()

    def kinds(self):
        """Returns the kinds of all steps, including those inside branches."""
        return [module.kind for module in self.modules() if isinstance(module, Step)]

    def extra_repr(self):
        return f"image {self.shape}"


def draw_image(random, axes):
    """Draws the image that a graph is made for."""
    shape = (random.randint(1, 4), *(random.randint(4, LARGEST[axes]) for _ in range(axes)))
    return torch.full((1, *shape), 0.5, dtype=torch.float64)


@torch.no_grad()
def make_graph(random, axes, length):
    """Makes a graph of so many steps at most."""
    image = draw_image(random, axes)
    return Graph(tuple(image.shape[1:]), make_steps(random, image, length, sorted(KINDS))[0])


@st.composite
def graphs(draw, most_steps=6):
    """Random graphs over one, two or, now and then, three axes."""
    random = draw(st.randoms(use_true_random=False))
    axes = draw(st.sampled_from([2, 2, 2, 1, 1, 3]))
    return make_graph(random, axes, draw(st.integers(1, most_steps)))


@torch.no_grad()
def herd(seed, times, length=3):
    """Makes graphs that have a step of each kind at least so many times among them."""
    random = Random(seed)
    deck = sorted(KINDS) * times
    random.shuffle(deck)
    made = []
    while deck:
        axes = random.choice([a for a in (2, 2, 2, 1, 1, 3) if a in AXES[deck[-1]]])
        x = draw_image(random, axes)
        shape, steps, later = tuple(x.shape[1:]), [], []
        while deck and len(steps) < length and len(later) < TRIES:
            wanted = deck.pop()
            step = next(filter(None, (make_step(random, x, wanted) for _ in range(TRIES))), None)
            if step is None:  # another graph may have a map for it
                later.append(wanted)
            else:
                steps.append(step[0])
                x = step[1]
        deck += later
        made.append(Graph(shape, steps))
    return made
