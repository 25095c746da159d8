"""The page of results on real facades, from the rows that the benchmarks wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import hypot
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from _site.drawing_curves import Axes, chart, legend
from _site.markdown import table

FILE = Path(__file__).parents[1] / "results" / "facades.json"
COLUMNS = {
    "kid_lite0": "KID ↓",
    "pixel_accuracy": "label accuracy ↑",
    "mean_iou": "label IoU ↑",
    "l1": "L1 ↓",
    "ssim": "SSIM ↑",
    "checkerboard": "checkerboard",
}
CONTENDERS = {"port": "plain script", "paper": "preset paper", "best": "preset best"}

PAGE = """---
hide: [toc]
---

# Results on real facades

Label maps of the CMP facades to photos, with the recipe's presets and with one setting changed at a
time. The protocol needs two cores and no network connection; each row was written by
`{command}` at the end of its run, on {machine}. {total}

**Small runs.** Images of 128², a U-Net and a PatchGAN of base 32, one core, {precision}. Each
recipe trains for as long as {steps:,} steps of `paper` take; the cost of a step was measured
against `paper` in the same process. Of the 400 training pairs, 300 are for training, and every
fourth one is for choosing between recipes. The 100 held-out pairs score the chosen recipes, with
new seeds.

**Scores.** [KID](../guides/evaluate.md) over the pooled features of EfficientNet-Lite0, lower
is better. Label accuracy and IoU: how much of the label map a segmenter trained on real photos
recovers from the generated ones. Checkerboard: the pattern of up-sampling in the spectrum, best
near that of real photos. *Floor* is a trivial prediction; *ceiling* is what real photos reach. A
value is the mean over seeds ± their standard deviation, or for one seed ± its bootstrap error.

## Confirmed on held-out pairs

{confirmed}

{verdict}

![Label maps, and the photos that both presets generate](../images/facades-recipes.webp)

*From the top: label maps drawn by `SyntheticFacades`, `paper`, `best`, seed 10 of each, made with
`python benchmarks/facades_pictures.py WORK`.*

## One change at a time

Differences from `paper` in KID, in units of the combined standard deviation of both, are only shown
for three or more seeds. Fewer cannot tell a change from a lucky seed.

{screen}

{missing}

## Equal training time {{#equal-minutes}}

The same at 256², with `python benchmarks/facades_minutes.py DATA WORK port best paper`. Each
contender trains on one core, and is scored on the held-out pairs after 20, 40 and 60 minutes, about
10, 20 and 30 on two; a missing row has not been measured. The plain script is a typical
hand-written pix2pix: pairs read by Pillow, cross-entropy and 100 × L1, base 64. It trains in fp32,
the presets in {minutes_precision}; they use bf16 where the processor has it, so rows in fp32 come
from another processor than rows in bf16.

{by_minutes}
"""


def files() -> dict[str, str]:
    """Returns the page."""
    known = json.loads(FILE.read_text("utf-8"))
    return {"results/facades.md": page(known)}


def page(known: Mapping[str, Any]) -> str:
    """Returns the page for the rows of a file."""
    rows = known["rows"]
    small = [row for row in rows if row["size"] == "small"]
    screen = by_cell(row for row in small if row["score"] == "rest")
    confirmed = by_cell(row for row in small if row["score"] == "val")
    missing = [cell for cell in known["cells"] if cell not in screen]
    minutes = by_minutes([row for row in rows if row["size"] == "full"])
    trained = sum(row["minutes"] for row in small)
    trained += sum(max(times, default=0) for times in minutes.values())
    return PAGE.format(
        command="python benchmarks/facades.py DATA WORK",
        machine=known["machine"],
        total=f"Training and scoring took {trained / 60:.1f} hours on one core.",
        steps=max(row["steps"] for row in small if row["cell"] == "paper"),
        precision=precisions(small),
        minutes_precision=precisions(row for row in rows if row["size"] == "full"),
        confirmed=scores_table(confirmed),
        verdict=verdict(confirmed),
        screen=scores_table(screen, compare=True),
        missing=f"Not measured yet: {'; '.join(missing)}." if missing else "",
        by_minutes=minutes_section(minutes),
    )


def precisions(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the number format of most rows, and which cells have another; not of the script."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["cell"] != "port":
            found.setdefault(row["precision"], set()).add(row["cell"])
    first, *others = sorted(found, key=lambda name: -len(found[name])) or ["bf16 or fp32"]
    parts = (f" ({name} for {', '.join(f'`{x}`' for x in sorted(found[name]))})" for name in others)
    return first + "".join(parts)


def in_short() -> str:
    """Returns the means of `best` and `paper` in words."""
    rows = json.loads(FILE.read_text("utf-8"))["rows"]
    cells = by_cell(row for row in rows if row["size"] == "small" and row["score"] == "val")
    best, paper = (spread(cells[cell], "kid_lite0") for cell in ("best", "paper"))
    return f"{best[0]:.2f} ± {best[1]:.2f} instead of {paper[0]:.2f} ± {paper[1]:.2f}"


def by_cell(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Groups rows by cell, the best KID first."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        cells.setdefault(row["cell"], []).append(row)
    return dict(sorted(cells.items(), key=lambda item: spread(item[1], "kid_lite0")[0]))


def spread(rows: list[Mapping[str, Any]], metric: str) -> tuple[float, float]:
    """Returns the mean and the standard deviation over seeds, or one seed's own error."""
    values = [row["scores"][metric]["value"] for row in rows]
    return mean(values), stdev(values) if len(values) > 1 else rows[0]["scores"][metric]["error"]


def difference(rows: list[Mapping[str, Any]], paper: list[Mapping[str, Any]], metric: str) -> float:
    """Returns how far a cell is from `paper`, in combined standard deviations."""
    (one, one_sd), (other, other_sd) = spread(rows, metric), spread(paper, metric)
    return (one - other) / hypot(one_sd, other_sd)


def scores_table(cells: dict[str, list[Mapping[str, Any]]], *, compare: bool = False) -> str:
    """Returns a table with a line for each cell, the floor and the ceiling."""
    if not cells:
        return "No row yet."
    head = ["recipe", "seeds", *COLUMNS.values(), *(["against paper"] if compare else [])]
    lines = []
    for cell, rows in cells.items():
        values = ["{:.3f} ± {:.3f}".format(*spread(rows, metric)) for metric in COLUMNS]
        both = len(rows) > 2 and cell != "paper" and len(cells.get("paper", ())) > 2
        against = f"{difference(rows, cells['paper'], 'kid_lite0'):+.1f}" if both else ""
        lines.append([cell, str(len(rows)), *values, *([against] if compare else [])])
    first = next(iter(cells.values()))[0]["scores"]
    for end in ("floor", "ceiling"):
        values = [f"{first[metric][end]:.3f}" for metric in COLUMNS]
        lines.append([f"*{end}*", "", *values, *([""] if compare else [])])
    return table(head, lines)


def verdict(cells: dict[str, list[Mapping[str, Any]]]) -> str:
    """Returns whether `best` is better than `paper` beyond twice the combined deviation."""
    if not {"best", "paper"} <= set(cells):
        return ""
    parts = []
    for metric, name, sign in (("kid_lite0", "KID", -1), ("pixel_accuracy", "label accuracy", 1)):
        by = sign * difference(cells["best"], cells["paper"], metric)
        word = "better" if by > 0 else "worse"
        clear = "which is clear" if abs(by) > 2 else "which is not clear: less than 2"
        parts.append(f"in {name} by {abs(by):.1f} combined standard deviations ({word}), {clear}")
    return f"`best` differs from `paper` {'; '.join(parts)}."


def by_minutes(rows: list[Mapping[str, Any]]) -> dict[str, dict[int, list[Mapping[str, Any]]]]:
    """Groups rows by contender and minutes."""
    found: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for row in rows:
        found.setdefault(row["cell"], {}).setdefault(row["minutes"], []).append(row)
    return found


def minutes_section(found: dict[str, dict[int, list[Mapping[str, Any]]]]) -> str:
    """Returns a table of the contenders by minutes, and the curve of those with every mark."""
    if not found:
        return "No row yet."
    head = ["contender", "minutes", "seeds", *COLUMNS.values()]
    lines = [
        [
            CONTENDERS[cell],
            str(minutes),
            str(len(rows)),
            *("{:.3f} ± {:.3f}".format(*spread(rows, metric)) for metric in COLUMNS),
        ]
        for cell, times in found.items()
        for minutes, rows in sorted(times.items())
    ]
    marks = sorted({minutes for times in found.values() for minutes in times})
    curves = {
        CONTENDERS[cell]: [spread(times[m], "kid_lite0")[0] for m in marks]
        for cell, times in found.items()
        if set(times) == set(marks)
    }
    if len(marks) < 2 or not curves:
        return table(head, lines)
    top = max(value for curve in curves.values() for value in curve)
    axes = Axes.of("minutes of one core", marks, (0, top))
    drawn = chart("minutes", "KID on held-out pairs", axes, marks, curves)
    legends = legend(list(curves))
    figure = f'{legends}\n<div class="gb-charts">{drawn}</div>'
    return "\n\n".join((table(head, lines), ratios(found), figure))


def ratios(found: dict[str, dict[int, list[Mapping[str, Any]]]]) -> str:
    """Returns the KID of `best` relative to those of the others, at each mark that both have."""
    best, sentences, seeds = found.get("best", {}), [], []
    for cell, name in {"port": "the plain script", "paper": "preset `paper`"}.items():
        other = found.get(cell, {})
        marks = sorted(best.keys() & other.keys())
        kids = [[spread(times[m], "kid_lite0")[0] for m in marks] for times in (best, other)]
        parts = [f"{a / b:.2f} after {m} minutes" for m, a, b in zip(marks, *kids, strict=True)]
        if parts:
            said = f"The KID of preset `best`, divided by that of {name}, is"
            sentences.append(f"{said} {', '.join(parts)}.")
            seeds += [len(times[m]) for times in (best, other) for m in marks]
    if seeds and min(seeds) == 1:
        sentences.append("With one seed, a mark may be a good or a bad moment of its training.")
    return " ".join(sentences)
