"""The page of architectures: drawings of the networks that its code builds."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from _site import drawing_chain
from _site.drawing_modules import parameter_count
from _site.drawing_parts import scrolling, thumbnail as without_text
from _site.drawing_unet import UNetDrawing
from _site.gallery_picture import run
from _site.markdown import fence

TITLE = "Architectures"
CARD = "The U-Nets and the PatchGAN, drawn from the modules"


class Drawn(NamedTuple):
    """A network on the page."""

    heading: str
    introduction: str
    code: str
    side: int


DRAWN = {
    "unet": Drawn(
        "The U-Net of pix2pix",
        "The default [`UNetGenerator`][ganblocks.UNetGenerator] is the paper's U-Net in the "
        "dialect of its PyTorch port: the encoder goes down on the left, the decoder up on the "
        "right. The skip (orange) is concatenated before the decoder's own map.",
        'from ganblocks import GENERATORS\n\nnetwork = GENERATORS.build("unet_256")\n',
        256,
    ),
    "small-unet": Drawn(
        "A U-Net with other options",
        "Four blurred down-samplings, bilinear up-sampling, instance norm, added skips, and "
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
        "channels. Below each map is the receptive field of one of its values. The last map has "
        "the logits.",
        "from ganblocks import DISCRIMINATORS\n\n"
        'network = DISCRIMINATORS.build("patch_70", in_channels=6)\n',
        256,
    ),
}


def page() -> str:
    """Returns the page."""
    lines = [
        f"# {TITLE}",
        "Each drawing is made from the module built by the code above it: the module runs once, "
        "and the shapes, C×H×W, are those of its layers' outputs. A box's height is the logarithm "
        "of its map's height, its width the square root of its channels. `/2` halves a map, `×2` "
        "doubles it.",
    ]
    for name, one in DRAWN.items():
        network = built(one)
        lines += [
            f"## {one.heading} {{#{name}}}",
            f"{one.introduction} {parameter_count(network):,} parameters.",
            fence(one.code),
            scrolling(drawing(name, network), one.heading),
        ]
    return "\n\n".join(lines) + "\n"


def built(one: Drawn) -> Any:
    """Runs a network's code on the meta device, which computes shapes only."""
    with torch.device("meta"):
        return run(one.code)["network"]


def drawing(name: str, network: Any) -> str:
    """Returns a network's drawing."""
    side = DRAWN[name].side
    if name == "patchgan":
        return drawing_chain.drawing(network, side, name)
    return UNetDrawing(network, side, name).svg()


def thumbnail() -> str:
    """Returns a drawing for the card that links to the page."""
    small = drawing("small-unet", built(DRAWN["small-unet"]))
    return f'<div class="gb-drawn">{without_text(small)}</div>'
