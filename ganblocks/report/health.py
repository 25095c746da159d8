"""The health of a run in its report: non-finite numbers and findings."""

import math
from collections.abc import Sequence
from html import escape

from ganblocks.health import Finding
from ganblocks.report.files import Metrics

_OPEN = 5  # findings that are not collapsed


def alarm(metrics: Metrics) -> str:
    """Lists the columns with NaN or infinity, which are gaps in the curves, as HTML."""
    entries = []
    checked = ("d_real", "d_fake", "loss_", "val_")
    for name in [column for prefix in checked for column in metrics.named(prefix)]:
        cells = metrics.values(name)
        if bad := [step for step, value in cells if not math.isfinite(value)]:
            first = f"first at step {bad[0]:.0f}"
            entries.append(f"<li>{escape(name)}: {len(bad)} of {len(cells)} rows, {first}</li>")
    for name in metrics.named("skipped_"):
        cells = metrics.values(name)
        if bad := [step for step, share in cells if share > 0]:
            entries.append(
                f"<li>{escape(name)}: {len(bad)} of {len(cells)} rows have steps that did not "
                f"update this player, the first by step {bad[0]:.0f}</li>"
            )
    if not entries:
        return ""
    return f'<div class="alarm" role="alert">Not a finite number:<ul>{"".join(entries)}</ul></div>'


def health(findings: Sequence[Finding] | None) -> str:
    """Lists the findings of a run as HTML; None means that it was not checked."""
    if findings is None:
        return ""
    if not findings:
        return '<p class="note">No problem was detected.</p>'
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
