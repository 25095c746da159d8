"""The galleries of pictures: which registry each shows, by which code, and what to look for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from _site import gallery_snippets as snippets
from ganblocks import DISCRIMINATORS, Registry
from ganblocks.augment import AUGMENTATIONS
from ganblocks.blocks import DOWNSAMPLERS, NORMS, PADDINGS, UPSAMPLERS
from ganblocks.rf.layers import times


@dataclass(frozen=True, eq=False)
class Wall:
    """One registry's pictures on a page."""

    registry: Registry[Any]
    code: Template
    prefix: str
    alt: str
    look: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    said: Callable[[Mapping[str, Any]], str] | None = None
    first: tuple[str, ...] = ()
    other_code: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """A page of pictures."""

    title: str
    introduction: str
    walls: tuple[Wall, ...]
    card: str
    thumbnail: str


def _seen(left: Mapping[str, Any]) -> str:
    discriminator = left["discriminator"]
    parameters = sum(p.numel() for p in discriminator.parameters())
    if "grids" in left:
        fields = ", ".join(times(field.size) for field in discriminator.receptive_field)
        grids = ", ".join(map(times, left["grids"]))
        return f"Its scales see {fields}; {grids} logits; {parameters:,} parameters."
    field = discriminator.receptive_field
    grid = discriminator.output_size(256, 256)
    return (
        f"A logit sees {times(field.size)}, the next one {field.stride[0]} further; "
        f"{times(grid)} logits; {parameters:,} parameters."
    )


ROOMS = {
    "upsampling": Room(
        "Up- and down-sampling",
        "What doubles a map, and what halves it, with three channels in and three out.",
        (
            Wall(
                UPSAMPLERS,
                snippets.UP,
                "up",
                "A corner of a facade doubled by {name}: untrained at left, trained at right",
                "Each block learns to double one photo of 64×64. Left: what it gives before the "
                "first step; right: after 15 steps of Adam. `deconv` starts from a checkerboard "
                "and has to unlearn it: here it is still in the sky. The others start without "
                "one. The picture of `resize` has other options than its preset `nearest`.",
                {"resize": ', mode="bilinear", kernel_size=5'},
            ),
            Wall(
                DOWNSAMPLERS,
                snippets.DOWN,
                "down",
                "A facade halved by {name} at left, and how much a shift changes that at right",
                "Each block halves a photo with the weights it starts from, so its colors mean "
                "nothing. Right: how much every value changes when the photo moves by one pixel, "
                "from dark blue (not at all) to yellow (by a standard deviation of the map). The "
                "less yellow, the less a shift disturbs it.",
            ),
        ),
        "What doubles and halves maps, and which starts from a checkerboard",
        "deconv",
    ),
    "norms": Room(
        "Norms",
        "What each norm makes equal.",
        (
            Wall(
                NORMS,
                snippets.NORM,
                "norm",
                "Two facades, one dark and flat, one bright, after the norm {name}",
                "Two photos are one batch: the left one dark and flat, the right one bright. "
                "`none` shows them as they come. Values from −2 to 2 are drawn as black to white, "
                "the same for all. `batch` keeps what tells the two apart; `instance` gives both "
                "the same mean and contrast in each color; `group` with one group keeps an "
                "image's own tint; `layer` and `pixel` look at one pixel at a time, across its "
                "channels: `layer` keeps little but the hue, and `pixel` makes every pixel "
                "equally strong, so that of the dark photo hardly anything is left. On these 3 "
                "channels the default `groups=32` would make `group` the same as `instance`.",
                {"group": ", groups=1"},
                first=("none",),
            ),
        ),
        "What each norm makes equal in a batch of two",
        "instance",
    ),
    "padding": Room(
        "Padding",
        "What a convolution sees beyond the border.",
        (
            Wall(
                PADDINGS,
                snippets.PADDING,
                "padding",
                "A facade with 64 pixels added on every side by {name}; its border is outlined",
                "A photo of 256×256 with 64 pixels more on every side. The line is its border.",
            ),
        ),
        "What stands beyond the border of a map",
        "reflect",
    ),
    "augmentation": Room(
        "Augmentation",
        "What the discriminator sees where images are varied at random.",
        (
            Wall(
                AUGMENTATIONS,
                snippets.AUGMENTATION,
                "augmentation",
                "A facade and its label map, and three draws of {name} of both",
                "The first column is a photo and its label map as they are; the other three are "
                "draws. Both are given in one call and share each draw, so that the pair stays "
                "aligned. Colors of the label map are varied too: the discriminator sees them "
                "as one more image.",
            ),
        ),
        "Three draws of each, of a photo and its label map alike",
        "diff_augment",
    ),
    "discriminators": Room(
        "Discriminators",
        "What one logit sees of an image of 256×256.",
        (
            Wall(
                DISCRIMINATORS,
                snippets.DISCRIMINATOR,
                "discriminator",
                "What the first and the middle logit of {name} see of a facade",
                "The boxes are what two logits see: orange, the first one, in the corner; blue, "
                "one in the middle. Hatched is what lies beyond the image, where a logit sees "
                "padding. "
                "How to choose: [which patch size](../guides/patch-size.md).",
                {"patch": ", kernel_size=3"},
                _seen,
                ("pixel", "patch_16", "patch_34", "patch_70", "patch_142", "patch_286"),
                {"multiscale": snippets.DISCRIMINATORS},
            ),
        ),
        "What one logit sees, from a pixel to the whole image",
        "patch_70",
    ),
}
"""Name of the page → what it shows."""
