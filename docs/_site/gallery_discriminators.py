"""The page of discriminators: a slider of patch sizes, and several scales at once."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch

from _site.drawing_modules import parameter_count
from _site.drawing_parts import thumbnail as without_text
from _site.drawing_patches import drawing
from _site.gallery_entry import summary
from _site.gallery_picture import webp
from _site.markdown import fence
from _site.registered import built_in
from ganblocks import DISCRIMINATORS, SyntheticFacades
from ganblocks.pictures import to_picture
from ganblocks.rf import ReceptiveField
from ganblocks.rf.layers import times

TITLE = "Discriminators"
CARD = "What one logit sees, from a pixel to the whole image"
SIDE = 256
SHOWN = 70
PHOTO = "../gallery/images/patches.webp"
SLIDER = """\
<div class="gb-slider" markdown>
<div class="gb-shown" data-search-exclude>{drawing}</div>
<div class="gb-told" markdown>
<label for="patch-size">Patch size</label>
<input id="patch-size" type="range" min="0" max="{last}" value="{shown}">
<div class="gb-ticks" aria-hidden="true">{ticks}</div>

{texts}

</div>
</div>
"""
CODE = """\
from ganblocks import DISCRIMINATORS, SyntheticFacades, draw_receptive_field

photo = SyntheticFacades(size=256)[4]["target"]
field = DISCRIMINATORS.build("patch_70", in_channels=6).receptive_field
draw_receptive_field(photo, field, [(0, 0), (15, 15)]).save("patch_70.png")
"""


class Patch(NamedTuple):
    """A discriminator of one patch size."""

    name: str
    size: int
    boxes: list[tuple[int, ...]]
    text: str


def page() -> str:
    """Returns the page."""
    lines = [
        f"# {TITLE}",
        f"What one logit sees of an image of {times((SIDE, SIDE))}. "
        "[Choosing the patch size](../guides/patch-size.md) explains which one to use.",
        "## One scale",
        slider(),
        "The names other than `patch` are presets: `patch` has any number of layers and any "
        "kernel, and is `patch_70` by default. The same boxes for a photo of your own:",
        fence(CODE),
        "## Several scales",
        _scales("multiscale"),
    ]
    return "\n\n".join(lines) + "\n"


def slider() -> str:
    """Returns a slider over the patch sizes, with a drawing and a text for each."""
    known = patches()
    shown = [patch.size for patch in known].index(SHOWN)
    texts = [
        f'<div data-stop="{index}" data-label="{times((patch.size, patch.size))}"'
        f"{'' if index == shown else ' hidden'} markdown>\n\n{patch.text}\n\n</div>"
        for index, patch in enumerate(known)
    ]
    return SLIDER.format(
        drawing=_drawn("patches", [patch.boxes for patch in known], shown),
        last=len(known) - 1,
        shown=shown,
        ticks="".join(f"<span>{patch.size}</span>" for patch in known),
        texts="\n\n".join(texts),
    )


@cache
def patches() -> list[Patch]:
    """Returns the discriminators of one scale, by patch size; `patch` is the default preset."""
    names = [name for name in built_in(DISCRIMINATORS) if name != "patch"]
    networks = {name: _built(name) for name in names}
    fields = {name: network.receptive_field for name, network in networks.items()}
    single = [name for name in names if isinstance(fields[name], ReceptiveField)]
    return [
        Patch(name, fields[name].size[0], _boxes(fields[name], networks[name]), _text(name))
        for name in sorted(single, key=lambda name: fields[name].size)
    ]


def pictures() -> dict[str, bytes]:
    """Returns the photo of the drawings: path in the site → content."""
    photo = to_picture(SyntheticFacades(size=SIDE)[4]["target"])
    return {"gallery/images/patches.webp": webp(photo)}


def thumbnail() -> str:
    """Returns a drawing for the card that links to the page."""
    boxes = next(patch.boxes for patch in patches() if patch.size == SHOWN)
    return f'<div class="gb-drawn">{without_text(_drawn("card", [boxes], 0))}</div>'


def _built(name: str) -> Any:
    with torch.device("meta"):
        return DISCRIMINATORS.build(name, in_channels=6)


def _boxes(field: ReceptiveField, network: Any) -> list[tuple[int, ...]]:
    rows, columns = network.output_size(SIDE, SIDE)
    return [field.box(0, 0), field.box(rows // 2, columns // 2)]


def _text(name: str) -> str:
    network = _built(name)
    field, (rows, columns) = network.receptive_field, network.output_size(SIDE, SIDE)
    edges = [field.box(i, i) for i in range(rows)]
    clear = sum(box[0] >= 0 and box[2] <= SIDE for box in edges) ** 2
    stride = "pixel" if field.stride[0] == 1 else f"{field.stride[0]} pixels"
    return (
        f"**`{name}`**: {times(field.size)} pixels\n\n{summary(DISCRIMINATORS.describe(name))}\n\n"
        f"- {times((rows, columns))} logits, one every {stride}\n"
        f"- {rows * columns - clear} of {rows * columns} logits see padding\n"
        f"- {parameter_count(network):,} parameters"
    )


def _scales(name: str) -> str:
    network = _built(name)
    grids = network.output_size(SIDE, SIDE)
    boxes = [
        field.box(rows // 2, columns // 2)
        for field, (rows, columns) in zip(network.receptive_field, grids, strict=True)
    ]
    sizes = ", ".join(times(field.size) for field in network.receptive_field)
    return (
        f'<div class="gb-slider" markdown>\n<div class="gb-shown" data-search-exclude>'
        f'{_drawn(name, [boxes], 0)}</div>\n<div class="gb-told" markdown>\n\n'
        f"**`{name}`**: {sizes} pixels\n\n{summary(DISCRIMINATORS.describe(name))} The boxes are "
        f"those of the middle logit of each scale.\n\n- {', '.join(map(times, grids))} logits\n"
        f"- {parameter_count(network):,} parameters\n\n</div>\n</div>"
    )


def _drawn(name: str, stops: list[list[tuple[int, ...]]], shown: int) -> str:
    title = "What logits see of a facade"
    description = "Lit boxes in a dimmed photo; the part of a box outside the photo is hatched."
    return drawing(name, PHOTO, SIDE, stops, shown, title, description)
