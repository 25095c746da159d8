"""Writes the report of a run: one static page that works offline."""

from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from ganblocks.arguments import checked
from ganblocks.report.charts import charts
from ganblocks.report.facts import facts
from ganblocks.report.files import Sample, find_samples, read_findings, read_metrics
from ganblocks.report.health import alarm, health
from ganblocks.report.markup import fill
from ganblocks.report.spec import headings, loading, sections, summary
from ganblocks.runs.spec_file import read_spec
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
    content = fill(
        "report.html",
        name=run_dir.resolve().name,
        summary=summary(spec),
        now=now.isoformat(),
        written=f"{now:%Y-%m-%d %H:%M}",
        alarm=alarm(metrics),
        facts=facts(metrics, spec),
        health=health(read_findings(run_dir / "health.jsonl")),
        samples=_samples(find_samples(run_dir), headings(spec)),
        charts=charts(metrics, better if isinstance(better, dict) else {}),
        loading=loading(spec, run_dir.as_posix()),
        spec=sections(spec),
    )
    target = run_dir / "index.html"
    write_atomically(target, content)
    return target


def _samples(samples: list[Sample], names: list[str]) -> Markup:
    if not samples:
        return Markup('<p class="note">There are no samples yet.</p>')
    newest, count = samples[0], len(samples) - 1
    thumbnails = (
        Markup(
            '<a href="{0}" data-step="{1}"><img src="{0}" loading="lazy" '
            'alt="First row of the samples at step {1}"><span>{1:,}</span></a>'
        ).format(sample.path, sample.step)
        for sample in samples
    )
    slider = Markup(
        '<label class="slider">step <output id="at"></output><input id="slider" type="range" '
        'min="0" max="{0}" value="{0}" step="1"></label>'
    ).format(count)
    heads = Markup().join(Markup("<span>{}</span>").format(name) for name in names)
    if names:
        heads = Markup('<div class="heads" aria-hidden="true">{}</div>').format(heads)
    size = newest.size and Markup('width="{}" height="{}"').format(*newest.size)
    return Markup("""<div class="samples"{columns}>
<div>{heads}<a id="large" href="{path}" data-order="{order}"
aria-label="Enlarge the samples"><img class="{small}" src="{path}" {size}
alt="Samples at step {step}{order}"></a></div>
<div>{slider}<nav id="strip" aria-label="All samples, newest first">
{thumbnails}</nav></div></div>""").format(
        columns=Markup(' style="--columns:{}"').format(len(names)) if names else "",
        heads=heads,
        path=newest.path,
        order=f", from left to right: {', '.join(names)}" if names else "",
        small="pixels" if newest.size and newest.size[0] < 600 else "",
        size=size or "",
        step=newest.step,
        slider=slider if count else "",
        thumbnails=Markup().join(thumbnails),
    )
