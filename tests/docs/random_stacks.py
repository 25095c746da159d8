"""Random stacks of layers, as the explorer of receptive fields and as torch have them."""

import random

from torch import nn

FIELDS = ("kernel", "stride", "padding", "dilation")
PLAIN = dict(zip(FIELDS, (1, 1, 0, 1)))
KINDS = {
    "conv": FIELDS,
    "max": FIELDS,
    "avg": FIELDS[:3],
    "transposed": FIELDS,
    "nearest": ("stride",),
    "bilinear": ("stride",),
}


def layer_of(kind, **numbers):
    """Returns a layer as the page has it: each number a pair."""
    pair = {name: [n, n] if isinstance(n, int) else list(n) for name, n in numbers.items()}
    return {"kind": kind, **{name: pair.get(name, [PLAIN[name]] * 2) for name in FIELDS}}


def module_of(layer):
    """Builds a layer on one channel."""
    kernel, stride, padding, dilation = (tuple(layer[name]) for name in FIELDS)
    return {
        "conv": lambda: nn.Conv2d(1, 1, kernel, stride, padding, dilation),
        "max": lambda: nn.MaxPool2d(kernel, stride, padding, dilation),
        "avg": lambda: nn.AvgPool2d(kernel, stride, padding),
        "transposed": lambda: nn.ConvTranspose2d(1, 1, kernel, stride, padding, dilation=dilation),
        "nearest": lambda: nn.Upsample(scale_factor=stride, mode="nearest"),
        "bilinear": lambda: nn.Upsample(scale_factor=stride, mode="bilinear"),
    }[layer["kind"]]()


def random_layer(draw):
    """Returns a layer that changes the map or the field: Python's table leaves the others out."""
    kind = draw.choice(["conv", "conv", *KINDS])
    pairs = {
        "kernel": [draw.randint(1, 5) for _ in range(2)],
        "stride": [draw.randint(1, 3) for _ in range(2)],
        "padding": [draw.randint(0, 3) for _ in range(2)],
        "dilation": [draw.choice([1, 1, 2, 3]) for _ in range(2)],
    }
    if kind in ("max", "avg"):  # torch allows a padding of half the kernel
        pairs["kernel"][draw.randint(0, 1)] = draw.randint(2, 5)
        pairs["padding"] = [min(p, k // 2) for p, k in zip(pairs["padding"], pairs["kernel"])]
    if KINDS[kind] == ("stride",):
        pairs["stride"][draw.randint(0, 1)] = draw.randint(2, 3)
    return layer_of(kind, **{name: pairs[name] for name in KINDS[kind]})


def random_stack(seed):
    """Returns layers and the size of an image, which may be too small for them."""
    draw = random.Random(seed)
    layers = [random_layer(draw) for _ in range(draw.randint(1, 5))]
    return layers, [draw.randint(6, 32), draw.randint(6, 32)]
