"""The report of a training run: one static page that opens from disk with no network."""

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from ganblocks.checkpoints import write_atomically
from ganblocks.errors import RunError, listed
from ganblocks.training.curves import line_chart, number_text
from ganblocks.training.metrics_log import COLUMNS

_LATEST = 25  # a value "now" is the mean of so many rows: one row alone is mostly noise

Metrics = dict[str, list[float]]


class _Chart(NamedTuple):
    title: str
    columns: dict[str, str]  # column -> name of the curve
    meaning: str
    scale: str = "linear"


_CHARTS = (
    _Chart(
        "Mean logits",
        {"d_real": "D(real)", "d_fake": "D(fake)"},
        "D(real) should stay above D(fake). Where both lie on one another, "
        "the discriminator is blind.",
    ),
    _Chart(
        "Gap",
        {"gap": "D(real) - D(fake)"},
        "How well the discriminator tells real from fake. It should stay above 0.",
    ),
    _Chart("Learning rate", {"lr": "lr"}, "What the schedule set at each step."),
    _Chart(
        "Speed",
        {"images_per_s": "images/s"},
        "Images per second. A long dip means that something else held the training up.",
    ),
)
_KNOWN = {
    "loss_g_adversarial": (
        "Adversarial losses",
        {"loss_d": "D", "loss_g_adversarial": "G"},
        "Neither should fall to 0 and stay there: a player that always wins "
        "teaches the other nothing.",
    ),
    "loss_g_l1": (
        "L1",
        {"loss_g_l1": "L1"},
        "How far the output is from the target. It should fall fast, then slowly.",
    ),
}


class _Sample(NamedTuple):
    step: int
    path: str  # relative to the page
    size: tuple[int, int] | None


def write_report(run_dir: Path) -> Path:
    """Writes `index.html` into a run's folder, from what is there so far, and returns its path.

    It may be called at any time of the training, also before the first step: it reads
    `spec.json`, `metrics.csv` and `samples/step_*.png`, and replaces the page in one move.

    Args:
        run_dir: The run's folder.

    Raises:
        RunError: A file of the run is missing or broken, or the page cannot be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder)
        ...     _ = (run / "spec.json").write_text('{"direction": "b2a"}')
        ...     _ = (run / "metrics.csv").write_text(",".join(COLUMNS))
        ...     write_report(run).name
        'index.html'
    """
    run_dir = Path(run_dir)
    spec = _read_spec(run_dir / "spec.json")
    metrics = _read_metrics(run_dir / "metrics.csv")
    now = datetime.now().astimezone()
    template = resources.files("ganblocks.training").joinpath("report.html")
    page = Template(template.read_text(encoding="utf-8")).substitute(
        name=escape(run_dir.resolve().name),
        summary=_summary(spec),
        written=f'<time datetime="{now.isoformat()}">{now:%Y-%m-%d %H:%M}</time>',
        alarm=_alarm(metrics),
        facts=_facts(metrics, spec),
        samples=_samples(_find_samples(run_dir)),
        charts="".join(_figure(chart, metrics) for chart in _charts(metrics)),
        run=escape(json.dumps(run_dir.as_posix(), ensure_ascii=False)),
        spec=_spec_sections(spec),
    )
    target = run_dir / "index.html"
    # A lone surrogate, which JSON may hold, has no UTF-8.
    content = page.encode("utf-8", errors="xmlcharrefreplace")
    write_atomically(target, lambda temporary: temporary.write_bytes(content))
    return target


def _read_spec(path: Path) -> dict[str, Any]:
    try:
        spec = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON ({error}): put the run's own spec.json back") from error
    if not isinstance(spec, dict):
        raise RunError(f'{path} holds {type(spec).__name__}: it must be an object, {{"config": …}}')
    return spec


def _read_metrics(path: Path) -> Metrics:
    """Reads the columns as numbers; an empty cell is NaN."""
    try:
        # A stray byte becomes a cell that is no number, and is then reported with its line.
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    header = lines.pop(0).split(",") if lines else list(COLUMNS)
    if missing := [name for name in COLUMNS if name not in header]:
        expected = ",".join(COLUMNS)
        raise RunError(f"{path} line 1 lacks {listed(missing)}: the header is {expected}")
    width = len(header)
    for number, line in enumerate(lines, 2):
        if line.count(",") != width - 1:
            raise RunError(
                f"{path} line {number} has {line.count(',') + 1} cells, the header {width}: "
                "delete the line"
            )
    # One split and whole columns: row by row takes three times as long.
    cells = ",".join(lines).split(",") if lines else []
    metrics = {name: _numbers(path, name, cells[i::width]) for i, name in enumerate(header)}
    if not all(map(math.isfinite, metrics["step"])):
        number = next(n for n, step in enumerate(metrics["step"], 2) if not math.isfinite(step))
        raise RunError(f"{path} line {number} has no step: delete the line")
    pairs = zip(metrics["d_real"], metrics["d_fake"], strict=True)
    metrics["gap"] = [real - fake for real, fake in pairs]
    return metrics


def _numbers(path: Path, column: str, cells: list[str]) -> list[float]:
    try:
        return list(map(float, cells))
    except ValueError:
        pass  # an empty cell, or a mistake: the slow way tells which, and where
    numbers = []
    for number, cell in enumerate(cells, 2):
        try:
            numbers.append(float(cell or "nan"))
        except ValueError:
            raise RunError(
                f"{path} line {number}: {column} is {cell!r}, not a number. "
                "Correct or delete the line"
            ) from None
    return numbers


def _unreadable(path: Path, error: OSError) -> str:
    return (
        f"cannot read {path} ({error.strerror}): give the folder that the training wrote, "
        "with spec.json and metrics.csv in it"
    )


def _find_samples(run_dir: Path) -> list[_Sample]:
    found = []
    for path in (run_dir / "samples").glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d+)\.png", path.name):
            found.append(_Sample(int(match[1]), f"samples/{path.name}", _png_size(path)))
    return sorted(found, reverse=True, key=lambda sample: sample.step)


def _png_size(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:])
    return width, height


def _summary(spec: Mapping[str, Any]) -> str:
    words = []
    for key in ("generator", "discriminator", "data", "direction"):
        value = spec.get(key)
        word = value.get("type") if isinstance(value, dict) else value
        if isinstance(word, str):
            words.append(f"{key} {escape(word)}")
    return " · ".join(words)


def _alarm(metrics: Metrics) -> str:
    """Names the columns that hold NaN or infinity: the curves can only leave a gap there."""
    found = []
    for name in ("d_real", "d_fake", "loss_d", *_terms(metrics, "loss_g_")):
        values = metrics[name]
        if not math.isfinite(sum(values)):
            bad = [i for i, value in enumerate(values) if not math.isfinite(value)]
            where = f"first at step {metrics['step'][bad[0]]:.0f}"
            found.append(f"<li>{name}: {len(bad)} of {len(values)} rows, {where}</li>")
    if not found:
        return ""
    return f'<div class="alarm" role="alert">Not a finite number:<ul>{"".join(found)}</ul></div>'


def _facts(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    steps = metrics["step"]
    if not steps:
        return '<p class="note">No step has been logged yet.</p>'
    facts = {
        "step": f"{steps[-1]:,.0f}",
        "epoch": number_text(metrics["epoch"][-1]),
        "D(real) - D(fake)": number_text(_now(metrics["gap"])),
        **({"L1": number_text(_now(metrics["loss_g_l1"]))} if "loss_g_l1" in metrics else {}),
        "images per second": number_text(_now(metrics["images_per_s"])),
        "training time": _duration(metrics, spec),
    }
    cells = (f"<div><dt>{escape(k)}</dt><dd>{v}</dd></div>" for k, v in facts.items() if v)
    rows = min(_LATEST, len(steps))
    note = f"Gap, L1 and speed are means of the last {rows} rows." if rows > 1 else ""
    return f'<dl class="facts">{"".join(cells)}</dl><p class="note">{note}</p>'


def _now(values: list[float]) -> float:
    finite = [value for value in values[-_LATEST:] if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def _duration(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    """Adds up the time of the steps from their speed: it leaves out the hours between resumes."""
    config = spec.get("config")
    batch = config.get("batch_size") if isinstance(config, dict) else None
    if not isinstance(batch, int):
        return ""
    seconds, before = 0.0, 0.0
    for step, speed in zip(metrics["step"], metrics["images_per_s"], strict=True):
        if speed > 0:
            seconds += (step - before) * batch / speed
        before = step
    return str(timedelta(seconds=round(seconds)))


def _samples(samples: list[_Sample]) -> str:
    if not samples:
        return '<p class="note">No sample has been drawn yet.</p>'
    newest = samples[0]
    thumbnails = (
        f'<a href="{s.path}" data-step="{s.step}"><img src="{s.path}" loading="lazy" '
        f'alt="First row of the samples at step {s.step}"><span>{s.step:,}</span></a>'
        for s in samples
    )
    size = 'width="{}" height="{}"'.format(*newest.size) if newest.size else ""
    small = "pixels" if newest.size and newest.size[0] < 600 else ""
    slider = (
        '<label class="slider">step <output id="at"></output><input id="slider" type="range" '
        f'min="0" max="{len(samples) - 1}" value="{len(samples) - 1}" step="1"></label>'
    )
    alt = f"Samples at step {newest.step}: input, target and output side by side"
    return f"""<div class="samples">
<div><div class="heads" aria-hidden="true"><span>input</span><span>target</span><span>output</span>
</div><a id="large" href="{newest.path}" aria-label="Enlarge the samples"><img class="{small}"
src="{newest.path}" {size} alt="{alt}"></a></div>
<div>{slider if len(samples) > 1 else ""}<nav id="strip" aria-label="All samples, newest first">
{"".join(thumbnails)}</nav></div></div>"""


def _terms(metrics: Metrics, prefix: str) -> list[str]:
    return [column for column in metrics if column.startswith(prefix)]


def _charts(metrics: Metrics) -> list[_Chart]:
    """Puts a chart for each term of the objective between those that every run has."""
    terms = []
    for column in [*_terms(metrics, "loss_g_"), *_terms(metrics, "loss_d_")]:
        name = column[len("loss_g_") :]
        who = "generator" if column.startswith("loss_g_") else "discriminator"
        own = (name, {column: name}, f"A term of the {who}'s objective, without its weight.")
        terms.append(_Chart(*_KNOWN.get(column, own), "auto"))
    if not any("loss_d" in chart.columns for chart in terms):
        terms.insert(0, _Chart("D loss", {"loss_d": "D"}, "What the discriminator minimises."))
    return [*_CHARTS[:2], *terms, *_CHARTS[2:]]


def _figure(chart: _Chart, metrics: Metrics) -> str:
    series = {name: metrics[column] for column, name in chart.columns.items()}
    svg = line_chart(chart.title, metrics["step"], series, scale=chart.scale)
    return f"<figure><h3>{chart.title}</h3>{svg}<figcaption>{chart.meaning}</figcaption></figure>"


def _spec_sections(spec: Mapping[str, Any]) -> str:
    """Shows flat objects as tables; components as the JSON that a registry builds from."""
    single = {key: value for key, value in spec.items() if not isinstance(value, dict | list)}
    sections = [_folded("run", _table(single.items()))] if single else []
    for name, value in spec.items():
        if name in single:
            continue
        flat = isinstance(value, dict) and not any(
            key == "type" or isinstance(inner, dict | list) for key, inner in value.items()
        )
        text = json.dumps(value, indent=2, ensure_ascii=False)
        body = _table(value.items()) if flat else f'<pre tabindex="0">{escape(text)}</pre>'
        sections.append(_folded(name, body))
    return "".join(sections)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _table(items: Iterable[tuple[str, Any]]) -> str:
    rows = (
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(_plain(value))}</td></tr>'
        for key, value in items
    )
    return f"<table>{''.join(rows)}</table>"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
