"""`ganblocks rf`: the receptive field of a network."""

from __future__ import annotations

import argparse
import json
import re
from math import prod
from pathlib import Path
from typing import Any

from ganblocks.commands.loading import network_of
from ganblocks.errors import OptionError, RunError
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.rf.calculator import full_input_size
from ganblocks.rf.counting import clear_outputs
from ganblocks.rf.layers import times
from ganblocks.rf.outputs import named_outputs

AXES = ("rows", "columns", "slices")


def add_to(actions: Any) -> None:
    """Adds `rf` to the command's actions."""
    parser = actions.add_parser(
        "rf",
        help="compute the receptive field of a network",
        description="Computes the receptive field of a network: a registered name such as "
        "patch_70, or your own network as my_package.models:Net or my_file.py:Net.",
    )
    parser.add_argument("network", help="a registered name, or package.module:Name")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--image-size", metavar="256 | 256x512", help="height and width")
    size.add_argument("--shape", metavar="3,224,224", help="channels, height and width")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="set an argument of the network",
    )
    parser.add_argument(
        "--logit", metavar="I,J", help="also print the receptive field of this output"
    )
    parser.add_argument(
        "--statistics",
        choices=["ignored", "counted"],
        default="ignored",
        help="whether statistics of the whole map, as in instance norm, count (default: "
        "%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print only JSON")
    parser.add_argument("--png", metavar="FILE", help="draw some receptive fields to this file")
    parser.add_argument("--image", metavar="PHOTO", help="photo to draw them on")
    parser.set_defaults(run=show_field)


def show_field(arguments: argparse.Namespace) -> None:
    """Prints the receptive field of a network."""
    if arguments.image and not arguments.png:
        raise OptionError("--image is for --png: add --png FILE, or leave it out")
    network = network_of(arguments.network, arguments.set)
    size = _numbers(arguments.image_size or arguments.shape)
    if arguments.image_size and size and len(size) == 1:
        size *= 2
    outputs = receptive_field(network, size, statistics=arguments.statistics)
    fields: dict[str, ReceptiveField] = {
        "" if outputs is field else f"output {name}": field
        for name, field in named_outputs(outputs).items()
    }
    index = _numbers(arguments.logit)
    shape = full_input_size(network, size)
    if arguments.json:
        print(json.dumps(_as_json(arguments.network, shape, fields, index), indent=2))
    else:
        name = f"{arguments.network}: {type(network).__name__}"
        print(f"{name} on {times(shape[1:])}, {shape[0]} channels")
        print("\n" + next(iter(fields.values())).table())
        for name, field in fields.items():
            print("\n" + "\n".join(_summary(name, field, index)))
    if arguments.png:
        _draw(arguments.png, arguments.image, next(iter(fields.values())), index)


def _summary(name: str, field: ReceptiveField, index: tuple[int, ...] | None) -> list[str]:
    lines = [f"{name}:"] if name else []
    lines.append(
        f"{times(field.size)} receptive field, stride {times(field.stride)}, "
        f"padding {times(field.padding)}, {times(field.map_size)} outputs"
    )
    if field.uniform:
        lines.append(_rows(field))
        clear, count = _clear(field), prod(field.map_size)
        lines.append(
            "every output looks at padding"
            if not clear
            else f"{count - clear} of {count} outputs look at padding"
        )
    elif bool((field.supports() == [*[0] * len(field.size), *field.input_size]).all()):
        lines.append("every output sees the whole image")
    else:
        lines.append("fields differ between outputs: the size shown is the largest")
    if not field.aligned:
        lines.append("branches with different centers are merged: " + "; ".join(field.misaligned))
    if field.ignored:
        lines.append("statistics of the whole map are ignored in " + ", ".join(field.ignored))
    if index is not None:
        lines.append(
            f"output {index}: box {field.box(*index)}, inside the image {field.support(*index)}, "
            f"center {field.center(*index)}"
        )
    return lines


def _rows(field: ReceptiveField) -> str:
    axes = []
    letters = "ijk"[: len(field.size)]
    for n, letter in enumerate(letters):
        first = -int(field.padding[n])
        last = first + int(field.size[n]) - 1
        start = f"{'' if field.stride[n] == 1 else field.stride[n]}{letter}"
        axes.append(f"{AXES[n]} {start} {_signed(first)} to {start} {_signed(last)}")
    return f"output ({', '.join(letters)}) sees {' and '.join(axes)}"


def _signed(number: int) -> str:
    return f"− {-number}" if number < 0 else f"+ {number}"


def _clear(field: ReceptiveField) -> int:
    return clear_outputs(field, field.input_size, field.map_size)


def _as_json(
    network: str,
    shape: tuple[int, ...],
    fields: dict[str, ReceptiveField],
    index: tuple[int, ...] | None,
) -> dict[str, Any]:
    outputs = []
    for field in fields.values():
        entry: dict[str, Any] = {
            "size": [_plain(n) for n in field.size],
            "stride": [_plain(n) for n in field.stride],
            "padding": [_plain(n) for n in field.padding],
            "uniform": field.uniform,
            "aligned": field.aligned,
            "map_size": list(field.map_size),
            "outputs_without_padding": _clear(field) if field.uniform else None,
            "statistics_ignored_in": list(field.ignored),
            "misaligned": list(field.misaligned),
        }
        if index is not None:
            entry["output"] = {
                "index": list(index),
                "box": list(field.box(*index)),
                "support": list(field.support(*index)),
                "center": list(field.center(*index)),
            }
        outputs.append(entry)
    return {"network": network, "input": list(shape), "outputs": outputs}


def _plain(number: Any) -> int | float:
    return int(number) if number == int(number) else float(number)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = re.split(r"[,x×\s]+", text.strip())
    if not all(re.fullmatch(r"\d+", part) for part in parts):
        raise OptionError(f"{text!r}: write whole numbers, such as 256, 256x512 or 3,224,224")
    return tuple(int(part) for part in parts)


def _draw(
    path: str, photo: str | None, field: ReceptiveField, index: tuple[int, ...] | None
) -> None:
    import numpy as np

    from ganblocks.data.writers import write_array
    from ganblocks.rf.draw import draw_receptive_field

    if len(field.input_size) != 2:
        raise OptionError(f"--png: only 2D images can be drawn, not {len(field.input_size)}D")
    height, width = field.map_size
    indices = [index] if index else [(0, 0), (height // 2, width // 2), (height // 3, width - 1)]
    picture = draw_receptive_field(_photo(photo, field.input_size), field, indices)
    write_array(Path(path), np.asarray(picture))


def _photo(path: str | None, size: tuple[int, ...]) -> Any:
    from PIL import ImageOps

    from ganblocks.data import ImageFormat, SyntheticFacades
    from ganblocks.data.readers import open_picture, stored_from_picture
    from ganblocks.pictures import to_picture

    if path is None:
        front = SyntheticFacades(size=128)[0]["target"]
        picture = to_picture(front)
    else:
        try:
            with open_picture(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError as error:
            raise RunError(f"--image {path}: could not be read as an image ({error})") from error
    fitted = ImageOps.fit(picture, (size[1], size[0]))
    form = ImageFormat(channels=3)
    return form.encode(form.decode(stored_from_picture(fitted)))
