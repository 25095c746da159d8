"""The page on which people draw: a demo of a generator that was trained on real facades."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from ganblocks.demo import write_demo

RUN = Path(__file__).parent / "facades"
"""Its spec, weights in 16 bits, and scores, by benchmarks/draw_generator.py."""

PATH = "assets/draw/index.html"


def files() -> dict[str, str]:
    """Returns the demo: path in the site → page."""
    with TemporaryDirectory() as folder:
        return {PATH: write_demo(RUN, folder).read_text("utf-8")}


def scores() -> str:
    """Returns the scores of the generator as a table."""
    known = json.loads((RUN / "scores.json").read_text("utf-8"))["scores"]
    rows = [
        f"| {name} | {s['value']:.3f} ± {s['error']:.3f} | {s['floor']:.3f} | {s['ceiling']:.3f} |"
        for name, s in known.items()
    ]
    head = ["| score | value | floor | ceiling |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])
