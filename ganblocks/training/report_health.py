"""The health of a run in its report: numbers that are not finite, and what was found."""

import math
from collections.abc import Sequence
from html import escape

from ganblocks.training.health.finding import Finding
from ganblocks.training.report_charts import columns
from ganblocks.training.report_files import Metrics

_OPEN = 5  # findings that are not folded away: the first ones tell most


def alarm(metrics: Metrics) -> str:
    """Names the columns that hold NaN or infinity: the curves can only leave a gap there."""
    found = []
    for name in ("d_real", "d_fake", "loss_d", *columns(metrics, "loss_g_")):
        values = metrics.get(name, [])
        if not math.isfinite(sum(values)):
            bad = [i for i, value in enumerate(values) if not math.isfinite(value)]
            where = f"first at step {metrics['step'][bad[0]]:.0f}"
            found.append(f"<li>{name}: {len(bad)} of {len(values)} rows, {where}</li>")
    if skipped := [i for i, value in enumerate(metrics.get("skipped", [])) if value > 0]:
        steps = metrics["step"]
        found.append(
            f"<li>{len(skipped)} of {len(steps)} rows are of a step that changed nothing, first "
            f"step {steps[skipped[0]]:.0f}</li>"
        )
    if not found:
        return ""
    return f'<div class="alarm" role="alert">Not a finite number:<ul>{"".join(found)}</ul></div>'


def health(findings: Sequence[Finding] | None) -> str:
    """Lists what the training found in itself; a run that did not look has nothing here."""
    if findings is None:
        return ""
    if not findings:
        return '<p class="note">No illness was found.</p>'
    first, rest = findings[:_OPEN], findings[_OPEN:]
    folded = (
        f"<details><summary>{len(rest)} more findings</summary>{_list(rest)}</details>"
        if rest
        else ""
    )
    return (
        '<section class="health" aria-labelledby="health-title">'
        f'<h2 id="health-title">Health</h2>{_list(first)}{folded}</section>'
    )


def _list(findings: Sequence[Finding]) -> str:
    entries = (
        f"<li><p><b>step {finding.step:,}</b> {escape(finding.name)}</p>"
        f"<p>{escape(finding.message)}</p></li>"
        for finding in findings
    )
    return f"<ol>{''.join(entries)}</ol>"
