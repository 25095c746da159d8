"""Updates of a player that were skipped because its gradient was not finite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ganblocks.health.finding import Finding

MOST_OVERFLOWS = 24
"""Consecutive updates that fp16's loss scaler may skip while it halves its first scale, 65,536."""

STUCK = 50
"""Consecutive skipped updates after which a player is not expected to recover."""


class SkippedSteps:
    """Reports the first skipped update, and a player whose updates are all skipped."""

    def __init__(self, *, scaled: bool) -> None:
        self._scaled = scaled
        self._steps: list[tuple[int, Mapping[str, Tensor], Sequence[str]]] = []
        self._in_a_row: Counter[str] = Counter()
        self._reported: set[str] = set()

    def add(self, step: int, metrics: Mapping[str, Tensor], names: Sequence[str]) -> None:
        """Adds the metrics of a step, and the names of its samples."""
        self._steps.append((step, metrics, names))

    def findings(self) -> list[Finding]:
        """Returns the new findings; reads all steps from the device at once."""
        updates = [
            (key, value, *step)
            for step in self._steps
            for key, value in step[1].items()
            if key.startswith("skipped_")
        ]
        self._steps = []
        skips = torch.stack([value for _, value, *_ in updates]).tolist() if updates else []
        findings: list[Finding] = []
        for (key, _, step, metrics, names), skipped in zip(updates, skips, strict=True):
            self._in_a_row[key] = self._in_a_row[key] + 1 if skipped else 0
            if skipped and "not-finite" not in self._reported and self._is_a_problem(key, metrics):
                findings.append(_not_finite(step, metrics, names, scaled=self._scaled))
            if self._in_a_row[key] >= STUCK and "stuck" not in self._reported:
                findings.append(_stuck(step, key))
            self._reported |= {finding.name for finding in findings}
        return findings

    def _is_a_problem(self, key: str, metrics: Mapping[str, Tensor]) -> bool:
        # The loss scaler of fp16 finds its scale through a few overflows, in gradients only.
        overflows = self._in_a_row[key]
        return not self._scaled or overflows > MOST_OVERFLOWS or bool(_losses(metrics))


def _losses(metrics: Mapping[str, Tensor]) -> list[str]:
    return [n for n, value in metrics.items() if n.startswith("loss_") and not value.isfinite()]


def _not_finite(
    step: int, metrics: Mapping[str, Tensor], names: Sequence[str], *, scaled: bool
) -> Finding:
    what = ", ".join(_losses(metrics)) or "a gradient"
    skipped = ", ".join(n for n, value in metrics.items() if n.startswith("skipped_") and value)
    samples = f" (samples: {', '.join(names)})" if names else ""
    other = ', or use `precision="fp32"` or "bf16" instead of "fp16"' if scaled else ""
    return Finding(
        step,
        "not-finite",
        f"{what} was not finite{samples}. This step did not update the affected players "
        f"({skipped}), but running statistics may have changed. find_nonfinite(task, batch) names "
        "the layer, the term or the sample. If it happens again, lower the optimizer's `lr`, set "
        f"`clip_norm=1`{other}.",
    )


def _stuck(step: int, key: str) -> Finding:
    return Finding(
        step,
        "stuck",
        f"`{key}`: the last {STUCK} updates of this player were skipped because its gradient was "
        "not finite; the rest of the run is wasted. Stop, go back to an earlier checkpoint, "
        "and lower the optimizer's `lr` or set `clip_norm=1`.",
    )
