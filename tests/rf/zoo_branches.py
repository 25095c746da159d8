"""Steps of the zoo in which branches with different fields join."""

import torch
import torch.nn.functional as F
from torch import nn
from zoo_step import kind, make_steps

# Branches.

BRANCH = (
    "conv",
    "conv_same",
    "max_pool",
    "avg_pool",
    "activation",
    "scale",
    "pad_zeros",
    "crop",
    "flip",
)


def branches(random, x):
    """Draws two or three chains of at most two steps, one of them perhaps empty."""
    chains, maps = [], []
    for _ in range(random.randint(2, 3)):
        steps, y = make_steps(random, x, random.randint(0, 2), BRANCH)
        chains.append(nn.Sequential(*steps))
        maps.append(y)
    size = random.choice(maps).shape
    return chains, size


def fitted(y, size, middle=False, channels=False):
    """Crops or pads with zeros on the right, or on both sides, to one size."""
    pad: list[int] = []
    for have, want in reversed(list(zip(y.shape[2:], size[2:]))):
        left = (want - have) // 2 if middle else 0
        pad += [left, want - have - left]
    if channels:
        pad += [0, size[1] - y.shape[1]]
    return F.pad(y, pad)


@kind
def concat(random, x):
    chains, size = branches(random, x)
    middle = random.random() < 0.5

    def run(x, *chains):
        return torch.cat([fitted(chain(x), size, middle) for chain in chains], 1)

    return f"of maps fitted to {tuple(size)}, middle={middle}", run, chains


@kind
def concat_space(random, x):
    chains, size = branches(random, x)
    axis = random.randint(2, x.ndim - 1)

    def run(x, *chains):
        sizes = [(*size[:axis], y.shape[axis], *size[axis + 1 :]) for y in (c(x) for c in chains)]
        maps = [fitted(chain(x), n, channels=True) for chain, n in zip(chains, sizes)]
        return torch.cat(maps, axis)

    return f"along {axis} of maps fitted to {tuple(size)}", run, chains


@kind
def add(random, x):
    chains, size = branches(random, x)
    middle = random.random() < 0.5
    joined = random.choice(["add", "mul", "maximum", "sub", "stack mean", "stack sum"])

    def run(x, *chains):
        maps = [fitted(chain(x), size, middle, channels=True) for chain in chains]
        if joined == "stack mean":
            return torch.stack(maps, 1).mean(1)
        if joined == "stack sum":
            return torch.stack(maps).sum(0)
        y = maps[0] + 1.1  # no product with a zero of a padding
        for other in maps[1:]:
            y = y - 0.37 * other if joined == "sub" else getattr(torch, joined)(y, 0.5 + other)
        return y

    return f"{joined} of maps fitted to {tuple(size)}, middle={middle}", run, chains
