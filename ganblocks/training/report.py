"""The report of a training run: one static page that opens from disk with no network."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from ganblocks.checkpoints import write_atomically
from ganblocks.training.curves import number_text
from ganblocks.training.report_charts import charts
from ganblocks.training.report_files import (
    Metrics,
    Sample,
    find_samples,
    read_findings,
    read_metrics,
    read_spec,
)
from ganblocks.training.report_health import alarm, health

_LATEST = 25  # a value "now" is the mean of so many rows: one row alone is mostly noise


def write_report(run_dir: Path) -> Path:
    """Writes `index.html` into a run's folder, from what is there so far, and returns its path.

    It may be called at any time of the training, also before the first step: it reads
    `spec.json`, `metrics.csv`, `health.jsonl` and `samples/step_*.png`, and replaces the page in
    one move.

    Args:
        run_dir: The run's folder.

    Raises:
        RunError: A file of the run is missing or broken, or the page cannot be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder)
        ...     _ = (run / "spec.json").write_text('{"direction": "b2a"}')
        ...     header = "step,epoch,d_real,d_fake,loss_d,lr,images_per_s"
        ...     _ = (run / "metrics.csv").write_text(header)
        ...     write_report(run).name
        'index.html'
    """
    run_dir = Path(run_dir)
    spec = read_spec(run_dir / "spec.json")
    metrics = read_metrics(run_dir / "metrics.csv")
    now = datetime.now().astimezone()
    template = resources.files("ganblocks.training").joinpath("report.html")
    page = Template(template.read_text(encoding="utf-8")).substitute(
        name=escape(run_dir.resolve().name),
        summary=_summary(spec),
        written=f'<time datetime="{now.isoformat()}">{now:%Y-%m-%d %H:%M}</time>',
        alarm=alarm(metrics),
        facts=_facts(metrics, spec),
        health=health(read_findings(run_dir / "health.jsonl")),
        samples=_samples(find_samples(run_dir)),
        charts=charts(metrics),
        run=escape(json.dumps(run_dir.as_posix(), ensure_ascii=False)),
        spec=_spec_sections(spec),
    )
    target = run_dir / "index.html"
    # A lone surrogate, which JSON may hold, has no UTF-8.
    content = page.encode("utf-8", errors="xmlcharrefreplace")
    write_atomically(target, lambda temporary: temporary.write_bytes(content))
    return target


def _summary(spec: Mapping[str, Any]) -> str:
    words = []
    for key in ("generator", "discriminator", "data", "direction"):
        value = spec.get(key)
        word = value.get("type") if isinstance(value, dict) else value
        if isinstance(word, str):
            words.append(f"{key} {escape(word)}")
    return " · ".join(words)


def _facts(metrics: Metrics, spec: Mapping[str, Any]) -> str:
    steps = metrics["step"]
    if not steps:
        return '<p class="note">No step has been logged yet.</p>'
    facts = {
        "step": f"{steps[-1]:,.0f}",
        "epoch": number_text(metrics["epoch"][-1]),
        **{
            what: number_text(_now(metrics[column]))
            for what, column in [("D(real) - D(fake)", "gap"), ("L1, training", "loss_g_l1")]
            if column in metrics
        },
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


def _samples(samples: list[Sample]) -> str:
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
