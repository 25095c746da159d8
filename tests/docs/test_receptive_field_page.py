"""The numbers that the receptive-field page must show, as ganblocks has them today.

The page's own calculation is held to the same file in test_explorer_numbers.py. After a change
that is meant, write it again: python tests/docs/test_receptive_field_page.py
"""

import json
import re
from pathlib import Path

import pytest
import torch
from random_stacks import FIELDS, layer_of, module_of
from torch import nn

from _site import explorer_script
from ganblocks import (
    GanBlocksError,
    PatchDiscriminator,
    PixelDiscriminator,
    receptive_field,
    suggest_patch_discriminator,
)
from ganblocks.rf import coverage

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("receptive_field_cases.json")
PAGE = ROOT / "docs" / "receptive-fields" / "explorer.md"

PATCHES = [
    *((n, 4, (256, 256)) for n in range(1, 7)),
    *((n, 4, size) for n in (3, 4) for size in [(300, 200), (257, 255), (71, 90), (512, 512)]),
    (2, 3, (97, 64)),
    (3, 5, (160, 131)),
]
BY_HAND = {  # (kernel, stride, padding, dilation)
    "pixels": ([(1, 1, 0, 1)] * 3, (40, 30)),
    "dilated": ([(3, 1, 2, 2), (3, 1, 4, 4), (3, 2, 0, 3), (4, 1, 1, 1)], (101, 64)),
    "stride 3": ([(3, 3, 0, 1), (5, 3, 2, 1), (3, 1, 1, 1)], (100, 143)),
    "no padding": ([(4, 2, 0, 1), (4, 2, 0, 1), (4, 1, 0, 1)], (64, 150)),
    "pixels are skipped": ([(2, 5, 0, 1), (3, 1, 1, 1)], (33, 48)),
    "the rest is dropped": ([(2, 2, 0, 1), (3, 1, 1, 1)], (5, 5)),
    "more padding than kernel": ([(3, 2, 4, 1), (2, 3, 3, 1), (3, 1, 1, 1)], (20, 13)),
    "only padding is read": ([(2, 1, 3, 1)], (9, 12)),
    "dilation over the border": ([(2, 1, 6, 9), (3, 2, 2, 5)], (14, 25)),
    "one logit": ([(8, 8, 0, 1), (2, 1, 0, 1)], (17, 16)),
    "even and odd kernels": ([(7, 4, 3, 1), (2, 1, 1, 1), (5, 2, 0, 1), (6, 1, 3, 1)], (200, 90)),
}
MIXED = {
    "pooling": (
        [
            layer_of("conv", kernel=3, padding=1),
            layer_of("max", kernel=2, stride=2),
            layer_of("conv", kernel=3, padding=1),
            layer_of("avg", kernel=3, stride=2, padding=1),
        ],
        (97, 64),
    ),
    "not square": (
        [
            layer_of("conv", kernel=(3, 5), stride=(2, 1), padding=(1, 2)),
            layer_of("conv", kernel=(1, 7), dilation=(1, 2)),
        ],
        (60, 90),
    ),
    "up-sampling": (
        [
            layer_of("conv", kernel=4, stride=2, padding=1),
            layer_of("transposed", kernel=4, stride=2, padding=1),
            layer_of("nearest", stride=2),
            layer_of("conv", kernel=3, padding=1),
            layer_of("bilinear", stride=(1, 3)),
        ],
        (24, 31),
    ),
    "a stride beyond the kernel": (
        [layer_of("transposed", kernel=2, stride=3), layer_of("conv", kernel=3, stride=2)],
        (12, 9),
    ),
}
WANTED = [(70, 256), (70, 512), (16, 64), (142, 300), (300, 100), (1, 30), (5000, 1024), (40, 8)]
TOO_SMALL = [
    (3, 4, (23, 256)),
    (3, 4, (20, 20)),
    (6, 4, (128, 200)),
    (1, 5, (2, 9)),
    (2, 3, (4, 4)),
]


def layers_of(network):
    """Reads the layers of a discriminator."""
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    rows = [(c.kernel_size, c.stride, c.padding, c.dilation) for c in convs]
    return [layer_of("conv", **dict(zip(FIELDS, row))) for row in rows]


def chain(layers):
    return nn.Sequential(*map(module_of, layers))


def numbers(values):
    """Returns numbers as JSON has them, and fractions as Python writes them."""
    return [n if isinstance(n, int) else str(n) for n in values]


def of_field(name, layers, network, image):
    """Returns one case: what ganblocks says of a network with these layers on an image."""
    field = receptive_field(network, (getattr(network, "in_channels", 1), *image))
    last = tuple(n - 1 for n in field.map_size)
    counts = coverage(field)
    steps = [receptive_field(chain(layers[: n + 1]), (1, *image)) for n in range(len(layers))]
    return {
        "name": name,
        "layers": layers,
        "image": list(image),
        "size": numbers(field.size),
        "stride": numbers(field.stride),
        "padding": numbers(field.padding),
        "grid": field.map_size,
        "steps": [
            {
                "grid": s.map_size,
                **{name: numbers(getattr(s, name)) for name in ("size", "stride", "padding")},
            }
            for s in steps
        ],
        "logits": [
            {"at": at, "box": field.box(*at), "support": field.support(*at)}
            for at in [(0, 0), (last[0] // 2, last[1] // 3), last]
        ],
        "coverage": {
            "min": counts.min().item(),
            "max": counts.max().item(),
            "center": counts[image[0] // 2, image[1] // 2].item(),
        },
    }


def of_wish(want, at):
    """Returns what ganblocks answers to "about so many pixels at an image of that side"."""
    found = suggest_patch_discriminator(receptive_field=want, image_size=at, in_channels=6)
    costs = [[one.parameters, one.multiply_adds] for one in found]
    return {"want": want, "at": at, "said": [str(one) for one in found], "costs": costs}


def said_by_error(call):
    with pytest.raises(GanBlocksError) as raised:
        call()
    return str(raised.value)


def patch(n, kernel):
    return PatchDiscriminator(6, n_layers=n, kernel_size=kernel, base_channels=1)


def made():
    """Returns all that the page must say, as ganblocks says it."""
    fields = [
        of_field(
            f"n_layers={n}, kernel_size={k} on {image[0]}×{image[1]}",
            layers_of(patch(n, k)),
            patch(n, k),
            image,
        )
        for n, k, image in PATCHES
    ]
    convs = {
        name: ([layer_of("conv", **dict(zip(FIELDS, row))) for row in rows], image)
        for name, (rows, image) in BY_HAND.items()
    }
    for name, (layers, image) in {**convs, **MIXED}.items():
        fields.append(of_field(name, layers, chain(layers), image))
    answers = [of_wish(want, at) for want, at in WANTED]
    refusals = [
        {
            "layers": layers_of(patch(n, k)),
            "image": image,
            "said": said_by_error(lambda n=n, k=k, s=image: patch(n, k)(torch.zeros(1, 6, *s))),
        }
        for n, k, image in TOO_SMALL
    ]
    too_small = said_by_error(
        lambda: suggest_patch_discriminator(receptive_field=9, image_size=1, in_channels=6)
    )
    found = {"fields": fields, "answers": answers, "refusals": refusals, "no_answer": too_small}
    return json.loads(json.dumps(found))


def written(cases):
    """Writes one case a line, so that a change shows in a diff."""
    parts = []
    for name, value in cases.items():
        lines = (
            [json.dumps(v, ensure_ascii=False) for v in value] if isinstance(value, list) else []
        )
        text = "[\n" + ",\n".join(lines) + "\n]" if lines else json.dumps(value, ensure_ascii=False)
        parts.append(f'"{name}": {text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


@pytest.mark.slow
def test_the_file_holds_what_ganblocks_says():
    assert CASES.read_text("utf-8") == written(made())


def test_the_page_has_the_table_of_the_six_patchgans():
    rows = re.findall(
        r"^\| (\d) \| (\d+)×\d+ \| (\d+) \| (\d+) \| (\d+)×\d+ \|$", PAGE.read_text("utf-8"), re.M
    )
    cases = json.loads(CASES.read_text("utf-8"))["fields"][:6]
    told = [[c["size"][0], c["stride"][0], c["padding"][0], c["grid"][0]] for c in cases]
    assert [[int(n) for n in row] for row in rows] == [[n, *t] for n, t in enumerate(told, 1)]


def test_pixels_are_those_of_the_pixel_discriminator():
    assert layers_of(PixelDiscriminator(6)) == [layer_of("conv")] * 3


def test_every_module_of_the_script_is_joined_once_and_short():
    script = explorer_script.files()[explorer_script.PATH]
    sources = {path.stem: path.read_text("utf-8") for path in explorer_script.FOLDER.iterdir()}
    assert sorted(re.findall(r"^const \$(\w+) = ", script, re.M)) == sorted(sources)
    assert not re.search(r"^(import|export)\b", script, re.M)
    assert max(source.count("\n") for source in sources.values()) < 250


if __name__ == "__main__":
    CASES.write_text(written(made()), "utf-8")
