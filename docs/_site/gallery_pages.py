"""The galleries of pictures: the registries of each, their code, and what to look for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from _site import gallery_checkerboard, gallery_snippets as snippets
from ganblocks import Registry
from ganblocks.augment import AUGMENTATIONS
from ganblocks.blocks import DOWNSAMPLERS, NORMS, PADDINGS, UPSAMPLERS


@dataclass(frozen=True, eq=False)
class Section:
    """A registry's pictures on a page."""

    registry: Registry[Any]
    code: Template
    prefix: str
    alt: str
    introduction: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    measured: Callable[[], str] = str


@dataclass(frozen=True)
class GalleryPage:
    """A page of pictures."""

    title: str
    introduction: str
    sections: tuple[Section, ...]
    card: str
    thumbnail: str


PAGES = {
    "upsampling": GalleryPage(
        "Up- and down-sampling",
        "Blocks that double or halve a map, here with three channels in and out.",
        (
            Section(
                UPSAMPLERS,
                snippets.UP,
                "up",
                "A corner of a facade doubled by {name}: untrained left, trained right",
                "Each block learns to double one photo of 64×64. Left: its output before the first "
                "step; right: after 15 steps of Adam. `deconv` starts with a checkerboard that it "
                "must unlearn: here it is still in the sky. The others start without one. "
                "`resize` is shown with different options from its preset `nearest`.",
                {"resize": ', mode="bilinear", kernel_size=5'},
                measured=gallery_checkerboard.tables,
            ),
            Section(
                DOWNSAMPLERS,
                snippets.DOWN,
                "down",
                "A facade halved by {name} on the left, and the effect of a shift on the right",
                "Each block halves a photo with its initial weights, so colors have no meaning. "
                "Right: how much each value changes when the photo moves by one pixel, from dark "
                "blue (not at all) to yellow (by a standard deviation of the map). Less yellow "
                "is more robust to shifts.",
            ),
        ),
        "What doubles and halves maps, and which starts with a checkerboard",
        "deconv",
    ),
    "norms": GalleryPage(
        "Norms",
        "What each norm equalizes.",
        (
            Section(
                NORMS,
                snippets.NORM,
                "norm",
                "Two facades, one dark and flat, one bright, after the norm {name}",
                "Two photos form a batch: the left one dark and flat, the right one bright. "
                "`none` shows them unchanged. Values from −2 to 2 are drawn from black to white in "
                "all pictures. `batch` keeps the difference between the two; `instance` gives both "
                "the same mean and contrast in each color; `group` with one group keeps the tint "
                "of each image; `layer` and `pixel` normalize each pixel across its channels: "
                "`layer` keeps little but the hue, and `pixel` gives every pixel the same "
                "magnitude, so hardly anything is left of the dark photo. With these 3 channels "
                "the default `groups=32` would make `group` the same as `instance`.",
                {"group": ", groups=1"},
                first=("none",),
            ),
        ),
        "What each norm equalizes in a batch of two",
        "instance",
    ),
    "padding": GalleryPage(
        "Padding",
        "What a convolution sees beyond the border.",
        (
            Section(
                PADDINGS,
                snippets.PADDING,
                "padding",
                "A facade with 64 pixels added on every side by {name}; its border is outlined",
                "A photo of 256×256 with 64 pixels added on every side. The line is its border.",
            ),
        ),
        "What is added beyond the border of a map",
        "reflect",
    ),
    "augmentation": GalleryPage(
        "Augmentation",
        "What the discriminator sees if images are augmented at random.",
        (
            Section(
                AUGMENTATIONS,
                snippets.AUGMENTATION,
                "augmentation",
                "A facade and its label map, and three draws of {name} of both",
                "The first column is a photo and its label map; the other three are draws. "
                "Both are passed in one call and share each draw, so the pair stays aligned. The "
                "colors of the label map vary too: to the discriminator it is another image.",
            ),
        ),
        "Three draws of each, for a photo and its label map",
        "diff_augment",
    ),
}
"""Pages by name."""
