"""A run's health in its report: non-finite numbers and findings."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from ganblocks.health import Finding
from ganblocks.report.files import Metrics

_OPEN = 5  # findings that are not collapsed


def alarm(metrics: Metrics) -> Markup:
    """Lists the columns with NaN or infinity, which are gaps in the curves, as HTML."""
    entries = []
    checked = ("d_real", "d_fake", "loss_", "val_")
    for name in [column for prefix in checked for column in metrics.named(prefix)]:
        cells = metrics.values(name)
        if bad := [step for step, value in cells if not math.isfinite(value)]:
            text = f"{name}: {len(bad)} of {len(cells)} rows, first at step {bad[0]:.0f}"
            entries.append(Markup("<li>{}</li>").format(text))
    for name in metrics.named("skipped_"):
        cells = metrics.values(name)
        if bad := [step for step, share in cells if share > 0]:
            text = (
                f"{name}: {len(bad)} of {len(cells)} rows have steps that did not update this "
                f"player, the first by step {bad[0]:.0f}"
            )
            entries.append(Markup("<li>{}</li>").format(text))
    if not entries:
        return Markup()
    box = Markup('<div class="alarm" role="alert">Not a finite number:<ul>{}</ul></div>')
    return box.format(Markup().join(entries))


def health(findings: Sequence[Finding] | None) -> Markup:
    """Lists the findings of a run as HTML; None means that it was not checked."""
    if findings is None:
        return Markup()
    if not findings:
        return Markup('<p class="note">No problem was detected.</p>')
    first, rest = findings[:_OPEN], findings[_OPEN:]
    folded = Markup("<details><summary>{} more findings</summary>{}</details>")
    return Markup(
        '<section class="health" aria-labelledby="health-title">'
        '<h2 id="health-title">Health</h2>{}{}</section>'
    ).format(_list(first), folded.format(len(rest), _list(rest)) if rest else "")


def _list(findings: Sequence[Finding]) -> Markup:
    entry = Markup("<li><p><b>step {:,}</b> {}</p><p>{}</p></li>")
    entries = (entry.format(finding.step, finding.name, finding.message) for finding in findings)
    return Markup("<ol>{}</ol>").format(Markup().join(entries))
