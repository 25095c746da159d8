"""Writes an offline page that translates drawings with a run's generator."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import nn

from ganblocks.arguments import checked
from ganblocks.data import SyntheticFacades
from ganblocks.data.formats import SideFormat
from ganblocks.data.label_format import LabelFormat
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.errors import OptionError
from ganblocks.inference import load
from ganblocks.inference.export import export_onnx
from ganblocks.inference.translator import picture_map
from ganblocks.runs.folder import RunFolder, require_not_of_run
from ganblocks.writing import os_errors_explained, write_atomically

SIDE = 256
"""Side of the drawing if the network was trained without resizing."""

EXAMPLES = 6

BLUR = 4
"""Most by which JPEGs change the flat colors of label maps."""

BASICS = ("black", "gray", "white", "red", "orange", "yellow", "green", "blue", "brown")
"""Brushes of runs whose inputs are photos or sketches."""


@checked
def write_demo(
    run: str | Path,
    out: str | Path,
    *,
    mode: str = "mean",
    network: str = "generator",
    weights: str = "auto",
) -> Path:
    """Writes `index.html`, a page that translates drawings with a run's generator.

    The page contains the network, which runs in the browser with ONNX Runtime Web, and works
    offline. Weights are stored in half precision.

    Args:
        run: The run's folder.
        out: The output folder; created if missing.
        mode: `"mean"` or `"running"`, as in `generate`.
        network: Name of the task's generator.
        weights: `"auto"`, `"last"`, `"average"` or `"best"`, as in `load`.

    Returns:
        The page's path.

    Raises:
        RunError: The run or network does not exist, or the page would replace a run's report.
        OptionError: An option has an invalid value, or the network's inputs cannot be drawn: more
            than 4 channels without classes.

    Examples:
        >>> write_demo("runs/nowhere", "demo")
        Traceback (most recent call last):
        ganblocks.errors.RunError: runs/nowhere contains no run: it has no spec.json. ...
    """
    target = Path(out) / "index.html"
    require_not_of_run(target)
    config = _config(load(run, weights=weights, network=network))
    name = RunFolder(run).path.resolve().name
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        export_onnx(run, model, mode=mode, network=network, weights=weights, half=True)
        page = _page(name, {**config, "name": name}, mode, model.read_bytes())
    with os_errors_explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, page.encode())
    return target


def _config(generator: nn.Module) -> dict[str, Any]:
    pictures = picture_map(generator)
    channels = int(getattr(generator, "in_channels", 0))
    classes = _classes(pictures.input)
    if classes is None and channels not in (1, 2, 3, 4):
        raise OptionError(
            f"the network reads {channels} channels, which cannot be drawn: a demo needs a network "
            "of label maps by class, or of images with 1 to 4 channels"
        )
    height, width = pictures.fit.size if pictures.fit else (SIDE, SIDE)
    labels = bool(classes or (channels == 3 and getattr(pictures.input, "labels", False)))
    if labels and not (classes or pictures.colors):
        raise OptionError(
            "the run does not record the colors of its label maps: train it again, or resume it "
            "for a step, with this version of ganblocks"
        )
    basics = {name: ImageColor.getrgb(name) for name in BASICS}
    palette = classes or _brushes(_named(pictures.colors) if labels else basics)
    colors = [brush["color"] for brush in palette]
    is_cmp = {brush["color"] for brush in _brushes(CMP_PALETTE)} <= set(colors)
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "classes": classes,
        "outputs": _classes(pictures.output),
        "palette": palette,
        "labels": labels,
        "background": colors[0] if labels else "#ffffff",
        "examples": _examples(height, width) if is_cmp else [],
    }


def _classes(side: SideFormat) -> list[dict[str, str]] | None:
    """Returns the names and colors of a format's classes; None if it has none."""
    if not isinstance(side, LabelFormat) or side.channels is None:
        return None
    drawn = (side.colors(torch.eye(side.channels)[..., None]) + 1) * 127.5
    codes = side.restore(torch.eye(side.channels)[..., None])[:, 0]
    given = side.classes if isinstance(side.classes, dict) else [_code(code) for code in codes]
    colors = drawn[..., 0].round().int().T.tolist()
    return _brushes(dict(zip(given, colors, strict=True)))


def _named(colors: Sequence[Sequence[int]]) -> Mapping[str, Sequence[int]]:
    """Returns the palette of the CMP facades if label maps have its colors, else their own."""
    distances = np.abs(np.array(colors)[:, None] - list(CMP_PALETTE.values())).max(-1)
    is_cmp = (distances.min(-1) <= BLUR).all()
    return CMP_PALETTE if is_cmp else {_hex(color): color for color in colors}


def _code(code: np.ndarray) -> str:
    return str(code[0]) if len(code) == 1 else _hex(code)


def _brushes(colors: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": str(name), "color": _hex(color)} for name, color in colors.items()]


def _hex(color: Sequence[int] | np.ndarray) -> str:
    return "#" + "".join(f"{int(value):02x}" for value in color)


def _examples(height: int, width: int) -> list[str]:
    drawn = SyntheticFacades(size=max(32, height, width), split="val")
    urls = []
    for index in range(EXAMPLES):
        labels = Image.fromarray(drawn.read(0, index)[1].movedim(0, -1).numpy())
        file = io.BytesIO()
        labels.resize((width, height), Image.Resampling.NEAREST).save(file, "PNG", optimize=True)
        urls.append(f"data:image/png;base64,{_base64(file.getvalue())}")
    return urls


def _page(name: str, config: dict[str, Any], mode: str, model: bytes) -> str:
    """Returns the page; names from the run are escaped, and scripts cannot end an element early."""
    files = resources.files("ganblocks.demo")
    page, vendor = files / "page", files / "vendor"
    examples = config.pop("examples")
    kind = "label map" if config["labels"] else "picture"
    scripts = "\n".join(_text(page / f"{part}.js") for part in ("network", "board", "main"))
    return Template(_text(page / "page.html")).substitute(
        name=escape(name),
        introduction=f"Draw a {kind}; the network translates it in your browser.",
        colors="Class" if config["classes"] else "Color",
        swatches=_swatches(config),
        examples=_buttons(examples),
        about=f"Generator of {escape(name)} in {escape(mode)} mode, run by ONNX Runtime Web. "
        "Nothing leaves your computer.",
        aspect=f"{config['width'] / config['height']:g}",
        width=config["width"],
        height=config["height"],
        style=_text(page / "page.css"),
        config=json.dumps(config).replace("<", "\\u003c"),
        worker=_text(page / "worker.js"),
        license=_text(vendor / "LICENSE"),
        runtime=_base64((vendor / "ort.wasm.bundle.min.mjs.gz").read_bytes()),
        wasm=_base64((vendor / "ort-wasm-simd-threaded.wasm.gz").read_bytes()),
        model=_base64(gzip.compress(model, 9, mtime=0)),
        scripts=scripts,
    )


def _swatches(config: dict[str, Any]) -> str:
    choice = (
        '<label class="choice"><input type="radio" name="color" value="{color}"{checked}>'
        '<span><i style="--swatch: {color}"></i>{name}</span></label>'
    )
    palette = config["palette"]
    first = min(2, len(palette) - 1) if config["labels"] else 0
    lines = [
        choice.format(
            color=brush["color"],
            name=escape(brush["name"]),
            checked=" checked" if at == first else "",
        )
        for at, brush in enumerate(palette)
    ]
    if not config["classes"]:
        lines.append(
            '<span class="own"><label class="choice"><input type="radio" name="color" '
            'id="own-color" value=""><span>other</span></label><input type="color" id="own" '
            'value="#c05080" aria-label="Other color"></span>'
        )
    return "\n".join(lines)


def _buttons(examples: Sequence[str]) -> str:
    if not examples:
        return ""
    buttons = "\n".join(
        f'<button type="button"><img src="{url}" alt="Start from example {number}"></button>'
        for number, url in enumerate(examples, 1)
    )
    return f'<h2>Start from an example</h2>\n<div id="examples">\n{buttons}\n</div>'


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
