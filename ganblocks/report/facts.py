"""The facts at the top of a report: where the run is, how good, how fast."""

import math
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any

from ganblocks.report.axes import number_text
from ganblocks.report.charts import player_name, players, score_name
from ganblocks.report.files import Metrics

_LATEST = 25  # a value "now" is the mean of so many rows: one row alone is mostly noise


def facts(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    """Writes the facts of a run as tiles."""
    if not metrics.steps:
        return '<p class="note">No step has been logged yet.</p>'
    scores = _scores(spec)
    shown = {"step": f"{metrics.steps[-1]:,.0f}"}
    if epochs := metrics.there("epoch"):
        shown["epoch"] = number_text(epochs[-1][1])
    shown |= {what: number_text(_now(metrics, column)) for what, column in _means(metrics)}
    shown |= scores
    if "images_per_s" in metrics.columns:
        shown["images per second"] = number_text(_now(metrics, "images_per_s"))
    shown["training time"] = _duration(metrics, spec)
    tiles = (f"<div><dt>{escape(k)}</dt><dd>{v}</dd></div>" for k, v in shown.items() if v)
    notes = []
    if len(metrics.steps) > 1:
        rows = min(_LATEST, len(metrics.steps))
        notes.append(f"What differs from step to step is the mean of the last {rows} rows.")
    if any("baseline" in score for score in scores.values()):
        notes.append(
            "The baseline is a prediction that needs no learning: for pairs, the mean target."
        )
    return f'<dl class="facts">{"".join(tiles)}</dl><p class="note">{" ".join(notes)}</p>'


def _means(metrics: Metrics) -> list[tuple[str, str]]:
    """Returns words and column of each mean: the totals of the losses where nothing says more."""
    telling = [("D(real) - D(fake)", "gap"), ("L1, training", "loss_g_l1")]
    if not any(column in metrics.columns for _, column in telling):
        telling = [(f"loss of {player_name(p)}", f"loss_{p}") for p in players(metrics)]
    return [(words, column) for words, column in telling if column in metrics.columns]


def _now(metrics: Metrics, column: str) -> float:
    latest = [value for _, value in metrics.there(column)[-_LATEST:] if math.isfinite(value)]
    return sum(latest) / len(latest) if latest else math.nan


def _scores(spec: Mapping[str, Any]) -> dict[str, str]:
    scores, baselines = (
        found if isinstance(found := spec.get(key), dict) else {} for key in ("scores", "baselines")
    )
    shown = {}
    for name, score in scores.items():
        shown[f"held-out {score_name(name)}"] = _number(score)
        if name in baselines:
            shown[f"held-out {score_name(name)}"] += (
                f"<small> baseline {_number(baselines[name])}</small>"
            )
    return shown


def _number(value: Any) -> str:
    return number_text(value) if isinstance(value, int | float) else "–"


def _duration(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    """Adds up the time of the steps from their speed: it leaves out the hours between resumes."""
    options = spec.get("options")
    batch = options.get("batch_size") if isinstance(options, dict) else None
    speeds = metrics.there("images_per_s")
    if not isinstance(batch, int) or not speeds:
        return ""
    processes = spec.get("processes", 1)
    images = batch * (processes if isinstance(processes, int) else 1)
    before = dict(zip(metrics.steps, [0.0, *metrics.steps], strict=False))
    seconds = sum((step - before[step]) * images / speed for step, speed in speeds if speed > 0)
    return str(timedelta(seconds=round(seconds)))
