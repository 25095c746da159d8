"""Writes the report of a run: one static page that opens from disk, without a network."""

from datetime import datetime
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from ganblocks.arguments import checked
from ganblocks.report.charts import charts
from ganblocks.report.facts import facts
from ganblocks.report.files import Sample, find_samples, read_findings, read_metrics, read_spec
from ganblocks.report.health import alarm, health
from ganblocks.report.spec import headings, loading, sections, summary
from ganblocks.writing import write_atomically


@checked
def write_report(run_dir: str | Path) -> Path:
    """Writes `index.html` into a run's folder and returns its path.

    It may be called at any time during training, even before the first step. It reads
    `spec.json`, `metrics.csv`, `health.jsonl` and `samples/step_*.png`, and replaces the page
    atomically.

    Args:
        run_dir: The run's folder.

    Raises:
        RunError: A file of the run is missing or broken, or the page could not be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder)
        ...     _ = (run / "spec.json").write_text('{"task": {"type": "paired_translation"}}')
        ...     _ = (run / "metrics.csv").write_text("step,loss_g_l1,lr_g")
        ...     write_report(run).name
        'index.html'
    """
    run_dir = Path(run_dir)
    spec = read_spec(run_dir / "spec.json")
    metrics = read_metrics(run_dir / "metrics.csv")
    better = spec.get("better")
    now = datetime.now().astimezone()
    template = resources.files("ganblocks.report").joinpath("report.html")
    page = Template(template.read_text(encoding="utf-8")).substitute(
        name=escape(run_dir.resolve().name),
        summary=summary(spec),
        written=f'<time datetime="{now.isoformat()}">{now:%Y-%m-%d %H:%M}</time>',
        alarm=alarm(metrics),
        facts=facts(metrics, spec),
        health=health(read_findings(run_dir / "health.jsonl")),
        samples=_samples(find_samples(run_dir), headings(spec)),
        charts=charts(metrics, better if isinstance(better, dict) else {}),
        loading=loading(spec, run_dir.as_posix()),
        spec=sections(spec),
    )
    target = run_dir / "index.html"
    # A lone surrogate, which JSON may contain, cannot be encoded in UTF-8.
    content = page.encode("utf-8", errors="xmlcharrefreplace")
    write_atomically(target, content)
    return target


def _samples(samples: list[Sample], names: list[str]) -> str:
    if not samples:
        return '<p class="note">There are no samples yet.</p>'
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
    columns = f' style="--columns:{len(names)}"' if names else ""
    heads = "".join(f"<span>{escape(name)}</span>" for name in names)
    if heads:
        heads = f'<div class="heads" aria-hidden="true">{heads}</div>'
    order = escape(f", from left to right: {', '.join(names)}") if names else ""
    return f"""<div class="samples"{columns}>
<div>{heads}<a id="large" href="{newest.path}" data-order="{order}"
aria-label="Enlarge the samples"><img class="{small}" src="{newest.path}" {size}
alt="Samples at step {newest.step}{order}"></a></div>
<div>{slider if len(samples) > 1 else ""}<nav id="strip" aria-label="All samples, newest first">
{"".join(thumbnails)}</nav></div></div>"""
