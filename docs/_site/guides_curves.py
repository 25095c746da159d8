"""Charts of a good run: the log of `python examples/pix2pix_facades.py --score-every 100`."""

from __future__ import annotations

import csv
from pathlib import Path

from _site.guides_blind import themed
from ganblocks.report.curves import line_chart

LOG = Path(__file__).parent / "first_run.csv"
CHARTS = {
    "l1": ("L1", {"training": "loss_g_l1", "held out": "val_l1"}),
    "logits": ("Mean logits", {"real": "d_real", "fake": "d_fake"}),
}
"""Charts by name: a title, and columns of the log by the name of their curve."""


def first_run_curves() -> dict[str, str]:
    """Returns the charts for light and dark pages.

    Examples:
        >>> list(first_run_curves())[:2]
        ['first-run-l1-light', 'first-run-l1-dark']
    """
    with LOG.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    charts: dict[str, str] = {}
    for name, (title, columns) in CHARTS.items():
        series: dict[str, list[float | None]] = {
            curve: [float(row[column]) if row[column] else None for row in rows]
            for curve, column in columns.items()
        }
        chart = line_chart(title, steps, series, scale="linear", points=80)
        charts |= {f"first-run-{name}-{theme}": svg for theme, svg in themed(chart).items()}
    return charts
