"""Writes the results of an evaluation: images, and a static page that sorts them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from ganblocks.data import SideFormat
from ganblocks.data.writers import write_array
from ganblocks.pictures import heat, to_picture
from ganblocks.report.axes import number_text
from ganblocks.report.markup import fill
from ganblocks.writing import write_atomically

_PICTURES = {"source": "input", "output": "output", "target": "target", "error": "error"}


def save_pictures(
    start: Path, images: Mapping[str, Tensor], formats: Mapping[str, SideFormat]
) -> None:
    """Saves `source`, `output`, `target` and the error of an image as `<start>_<name>.png`."""
    drawn = {key: formats.get(key, formats["target"]).colors(x) for key, x in images.items()}
    drawn["error"] = heat((images["output"] - images["target"]).abs().mean(0))
    for key, picture in drawn.items():
        write_array(Path(f"{start}_{key}.png"), np.asarray(to_picture(picture)))


def write_results(folder: Path, title: str, facts: Sequence[str], results: Any) -> Path:
    """Writes `index.html` and returns its path.

    Args:
        folder: The folder.
        title: The heading.
        facts: Lines below it.
        results: `scores`, `problems`, and `rows`, whose `picture` is as in `save_pictures`.
    """
    scores, problems, rows = (results[key] for key in ("scores", "problems", "rows"))
    each = [name for name in scores if name in rows[0]]
    ramp = [f"rgb{tuple(color)}" for color in heat(torch.linspace(0, 1, 7)).T.tolist()]
    report = resources.files("ganblocks.report").joinpath("report.html").read_text("utf-8")
    option = Markup('<option data-better="{}">{}</option>')
    content = fill(
        "results.html",
        style=Markup(report.split("style>")[1][:-2]),  # our own file
        ramp=", ".join(ramp),
        title=title,
        facts=Markup().join(map(Markup("<p>{}</p>").format, facts)),
        problems=Markup().join(map(Markup("<li>{}</li>").format, problems)),
        hidden="" if problems else "hidden",
        scores=Markup().join(_tile(name, score) for name, score in scores.items()),
        options=Markup().join(option.format(scores[name]["better"], name) for name in each),
        rows=Markup().join(_row(row, each) for row in rows),
    )
    write_atomically(folder / "index.html", content)
    return folder / "index.html"


def _tile(name: str, score: Mapping[str, Any]) -> Markup:
    value, error, floor, ceiling = (score[key] for key in ("value", "error", "floor", "ceiling"))
    margin = Markup(" <small>± {:.2g}</small>").format(error) if isfinite(error) else ""
    share = (value - floor) / (ceiling - floor) if ceiling != floor else 0.0
    bar = Markup('<i class="bar"><i style="width:{:.1%}"></i></i>').format(min(max(share, 0), 1))
    return Markup(
        "<div><dt>{}, {} is better</dt><dd>{}{}{}<small>floor {} · ceiling {} · {} images"
        "</small></dd></div>"
    ).format(
        *(name, score["better"], _text(value), margin),
        bar if isfinite(share) and isfinite(ceiling) else "",
        *(_text(floor), _text(ceiling), score["count"]),
    )


def _row(row: Mapping[str, Any], each: Sequence[str]) -> Markup:
    values = json.dumps([row[name] if isfinite(row[name]) else None for name in each])
    text = Markup("<span>{} <b>{}</b></span>")
    figure = Markup(
        '<a href="{0}_{1}.png"><img src="{0}_{1}.png" loading="lazy" alt="{2} of {3}">'
        "<span>{2}</span></a>"
    )
    figures = (figure.format(row["picture"], *x, row["name"]) for x in _PICTURES.items())
    return Markup(
        '<li data-values="{}"><h3>{}</h3><p>{}</p><div class="four">{}</div></li>'
    ).format(
        *(values, row["name"]),
        Markup(" · ").join(text.format(name, _text(row[name])) for name in each),
        Markup().join(figures),
    )


def _text(value: float) -> str:
    return "∞" if value == float("inf") else number_text(value)
