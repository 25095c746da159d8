"""The summary at the top of a report: progress, quality, speed."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from ganblocks.report.axes import number_text
from ganblocks.report.charts import player_name, players, score_name
from ganblocks.report.files import Metrics

_LATEST = 25  # rows to average a current value over


def facts(metrics: Metrics, spec: Mapping[str, Any]) -> Markup:
    """Returns the facts of a run as HTML tiles."""
    if not metrics.steps:
        return Markup('<p class="note">No step has been logged yet.</p>')
    scores = _scores(spec)
    shown = {"step": f"{metrics.steps[-1]:,.0f}"}
    if epochs := metrics.values("epoch"):
        shown["epoch"] = number_text(epochs[-1][1])
        options = spec.get("options")
        total = options.get("epochs") if isinstance(options, dict) else None
        shown["epoch"] += f" of {total}" if isinstance(total, int) else ""
    shown |= {name: number_text(_now(metrics, column)) for name, column in _means(metrics)}
    shown |= scores
    if "images_per_s" in metrics.columns:
        shown["images per second"] = number_text(_now(metrics, "images_per_s"))
    shown["training time"] = _duration(metrics, spec)
    tile = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    tiles = Markup().join(tile.format(k, v) for k, v in shown.items() if v)
    notes = []
    if len(metrics.steps) > 1:
        rows = min(_LATEST, len(metrics.steps))
        notes.append(f"Losses, gap and speed are means over the last {rows} rows.")
    if any("baseline" in score for score in scores.values()):
        notes.append(
            "The baseline needs no training: for pairs, it predicts the mean target or enlarges "
            "the source."
        )
    page = Markup('<dl class="facts">{}</dl><p class="note">{}</p>')
    return page.format(tiles, " ".join(notes))


def _means(metrics: Metrics) -> list[tuple[str, str]]:
    means = [(f"D{c[3:]}(real) - D{c[3:]}(fake)", c) for c in metrics.named("gap")]
    means.append(("L1, training", "loss_g_l1"))
    if not any(column in metrics.columns for _, column in means):
        means = [(f"loss of {player_name(p)}", f"loss_{p}") for p in players(metrics)]
    return [(name, column) for name, column in means if column in metrics.columns]


def _now(metrics: Metrics, column: str) -> float:
    latest = [value for _, value in metrics.values(column)[-_LATEST:] if math.isfinite(value)]
    return sum(latest) / len(latest) if latest else math.nan


def _scores(spec: Mapping[str, Any]) -> dict[str, str]:
    scores, baselines = (
        value if isinstance(value := spec.get(key), dict) else {} for key in ("scores", "baselines")
    )
    shown = {}
    for name, score in scores.items():
        text = _number(score)
        if name in baselines:
            baseline = _number(baselines[name])
            text = Markup("{}<small> baseline {}</small>").format(text, baseline)
        shown[f"held-out {score_name(name)}"] = text
    return shown


def _number(value: Any) -> str:
    return number_text(value) if isinstance(value, int | float) else "–"


def _duration(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    options = spec.get("options")
    batch = options.get("batch_size") if isinstance(options, dict) else None
    speeds = metrics.values("images_per_s")
    if not isinstance(batch, int) or not speeds:
        return ""
    processes = spec.get("processes", 1)
    images = batch * (processes if isinstance(processes, int) else 1)
    before = dict(zip(metrics.steps, [0.0, *metrics.steps], strict=False))
    seconds = sum((step - before[step]) * images / speed for step, speed in speeds if speed > 0)
    return str(timedelta(seconds=round(seconds)))
