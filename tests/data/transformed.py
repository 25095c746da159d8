"""Pictures and draws for the tests of transforms."""

import math
from fractions import Fraction

import torch
from hypothesis import strategies as st
from torchvision.transforms import v2

from ganblocks.data.seeding import seeded_generator

FACTORS = [(200, 286), (200, 131), (241, 97), (97, 241), (250, 249)]


def coordinates(height, width):
    """An image whose channels are the row, the column and nothing."""
    rows = torch.arange(height)[:, None].expand(height, width)
    columns = torch.arange(width)[None, :].expand(height, width)
    return torch.stack([rows, columns, torch.zeros_like(rows)]).to(torch.uint8)


def plain(image):
    return image.as_subclass(torch.Tensor)


def shift(photo, labels, channel):
    """Returns the mean shift of labels against the photo in source pixels, without the border."""
    inner = (channel, slice(8, -8), slice(8, -8))
    return (labels[inner].double() - photo[inner].double()).mean().item()


sides = st.integers(1, 40)


WRONG_SIZES = [0, -1, 1.5, True, "256", "0x4", "4x", "x4", "1x2x3", "4,5", "-1x2", "1.5x2", "4x4\n"]


def rounded(value):
    """Rounds a fraction; halves upward."""
    return math.floor(value + Fraction(1, 2))


def drawn_windows(transform, height, width, count=4000):
    return [transform._drawn_window(height, width, seeded_generator(1, i)) for i in range(count)]


ROTATION = v2.RandomRotation(40, v2.InterpolationMode.NEAREST)
JITTER = v2.ColorJitter(0.5, 0.5, 0.5, 0.2)


NOISE = v2.GaussianNoise()


def write_to_both(a, b):
    a.zero_()
    b.zero_()
    return a, b
