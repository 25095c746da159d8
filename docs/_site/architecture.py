"""The page of architectures: networks drawn from the modules that the code on it builds."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from _site import drawing_chain
from _site.drawing_parts import scrolling, thumbnail as wordless
from _site.drawing_unet import UNetDrawing
from _site.gallery_picture import fence, run

TITLE = "Architectures"
CARD = "The U-Nets and the PatchGAN, drawn from the modules"


class Drawn(NamedTuple):
    """A network, and what the page says of it."""

    heading: str
    words: str
    code: str
    side: int


DRAWN = {
    "unet": Drawn(
        "The U-Net of pix2pix",
        "[`UNetGenerator`][ganblocks.UNetGenerator] as it comes is the paper's U-Net in the "
        "dialect of its PyTorch port: the encoder down the left side, the decoder up the right. "
        "Orange is the skip that is put before the decoder's own map.",
        'from ganblocks import GENERATORS\n\nnetwork = GENERATORS.build("unet_256")\n',
        256,
    ),
    "small-unet": Drawn(
        "Another U-Net, by its options",
        "Four halvings, blurred; bilinear enlargement; instance norm; skips that are added; "
        "self-attention at one level.",
        """\
from ganblocks import UNetGenerator

network = UNetGenerator(
    base_channels=32,
    num_downs=4,
    norm="instance",
    down="blur",
    up="bilinear",
    skip="add",
    attention_levels=[1],
)
""",
        64,
    ),
    "patchgan": Drawn(
        "The 70×70 PatchGAN",
        "[`PatchDiscriminator`][ganblocks.PatchDiscriminator] on a condition and an image, six "
        "channels. Below each map: how much of the image one of its values sees. The last map "
        "is the logits.",
        "from ganblocks import DISCRIMINATORS\n\n"
        'network = DISCRIMINATORS.build("patch_70", in_channels=6)\n',
        256,
    ),
}


def page() -> str:
    """Returns the page."""
    lines = [
        f"# {TITLE}",
        "Each drawing is made from the module that the code above it builds: it runs once, "
        "and the shapes, C×H×W, are what its layers returned. A box is as high as its map and as "
        "wide as its channels, by logarithm and by root. `/2` halves a map, `×2` doubles it.",
    ]
    for name, one in DRAWN.items():
        network = built(one)
        parameters = sum(p.numel() for p in network.parameters())
        lines += [
            f"## {one.heading} {{#{name}}}",
            f"{one.words} {parameters:,} parameters.",
            fence(one.code),
            scrolling(drawing(name, network), one.heading),
        ]
    return "\n\n".join(lines) + "\n"


def built(one: Drawn) -> Any:
    """Runs a network's code on the meta device: shapes without numbers."""
    with torch.device("meta"):
        return run(one.code)["network"]


def drawing(name: str, network: Any) -> str:
    """Returns a network's drawing."""
    side = DRAWN[name].side
    if name == "patchgan":
        return drawing_chain.drawing(network, side, name)
    return UNetDrawing(network, side, name).svg()


def thumbnail() -> str:
    """Returns a drawing for the card that leads to the page."""
    return (
        f'<div class="gb-drawn">{wordless(drawing("small-unet", built(DRAWN["small-unet"])))}</div>'
    )
