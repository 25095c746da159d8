"""Writes the results of an evaluation: pictures, and one static page that sorts them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from math import isfinite
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganblocks.data import SideFormat
from ganblocks.data.writers import write_array
from ganblocks.pictures import heat, to_picture
from ganblocks.report.axes import number_text
from ganblocks.writing import write_atomically

_PICTURES = {"source": "input", "output": "output", "target": "target", "error": "error"}


def save_pictures(
    start: Path, images: Mapping[str, Tensor], formats: Mapping[str, SideFormat]
) -> None:
    """Saves `source`, `output`, `target` and the error of a picture as `<start>_<name>.png`."""
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
    room = resources.files("ganblocks.report")
    scores, problems, rows = (results[key] for key in ("scores", "problems", "rows"))
    each = [name for name in scores if name in rows[0]]
    ramp = [f"rgb{tuple(color)}" for color in heat(torch.linspace(0, 1, 7)).T.tolist()]
    page = Template(room.joinpath("results.html").read_text("utf-8")).substitute(
        style=room.joinpath("report.html").read_text("utf-8").split("style>")[1][:-2],
        ramp=", ".join(ramp),
        title=escape(title),
        facts="".join(f"<p>{escape(fact)}</p>" for fact in facts),
        problems="".join(f"<li>{escape(line)}</li>" for line in problems),
        hidden="" if problems else "hidden",
        scores="".join(_tile(name, score) for name, score in scores.items()),
        options="".join(
            f'<option data-better="{scores[x]["better"]}">{escape(x)}</option>' for x in each
        ),
        rows="".join(_row(row, each) for row in rows),
    )
    content = page.encode("utf-8", errors="xmlcharrefreplace")
    write_atomically(folder / "index.html", content)
    return folder / "index.html"


def _tile(name: str, score: Mapping[str, Any]) -> str:
    value, error, floor, ceiling = (score[key] for key in ("value", "error", "floor", "ceiling"))
    margin = f" <small>± {error:.2g}</small>" if isfinite(error) else ""
    share = (value - floor) / (ceiling - floor) if ceiling != floor else 0.0
    bar = f'<i class="bar"><i style="width:{min(max(share, 0), 1):.1%}"></i></i>'
    return (
        f"<div><dt>{escape(name)}, {score['better']} is better</dt><dd>{_text(value)}{margin}"
        f"{bar if isfinite(share) and isfinite(ceiling) else ''}<small>floor {_text(floor)} · "
        f"ceiling {_text(ceiling)} · {score['count']} pictures</small></dd></div>"
    )


def _row(row: Mapping[str, Any], each: Sequence[str]) -> str:
    values = json.dumps([row[name] if isfinite(row[name]) else None for name in each])
    texts = " · ".join(f"<span>{escape(x)} <b>{_text(row[x])}</b></span>" for x in each)
    name = escape(row["name"])
    figures = (
        f'<a href="{row["picture"]}_{key}.png"><img src="{row["picture"]}_{key}.png" '
        f'loading="lazy" alt="{label} of {name}"><span>{label}</span></a>'
        for key, label in _PICTURES.items()
    )
    return (
        f'<li data-values="{values}"><h3>{name}</h3><p>{texts}</p>'
        f'<div class="four">{"".join(figures)}</div></li>'
    )


def _text(value: float) -> str:
    return "∞" if value == float("inf") else number_text(value)
