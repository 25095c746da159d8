"""Steps that left a player where it was, since its gradient was not finite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ganblocks.health.finding import Finding

MOST_OVERFLOWS = 24
"""Moves in a row that fp16's loss scaler may take to halve its first scale, 65,536, to nothing."""

STUCK = 50
"""Moves in a row of one player that were skipped, after which no other is to be hoped for."""


class SkippedSteps:
    """Reports the first step that left a player where it was, and a player that moves no more.

    Examples:
        >>> steps = SkippedSteps(scaled=False)
        >>> figures = {"loss_g_l1": torch.tensor(float("nan")), "skipped_g": torch.tensor(1.0)}
        >>> steps.saw(7, figures, ["facade 3"])
        >>> [finding.name for finding in steps.findings()]
        ['not-finite']
    """

    def __init__(self, *, scaled: bool) -> None:
        self._scaled = scaled
        self._steps: list[tuple[int, Mapping[str, Tensor], Sequence[str]]] = []
        self._in_a_row: Counter[str] = Counter()
        self._reported: set[str] = set()

    def saw(self, step: int, figures: Mapping[str, Tensor], names: Sequence[str]) -> None:
        """Keeps a step until the findings are asked for."""
        self._steps.append((step, figures, names))

    def findings(self) -> list[Finding]:
        """Returns what is new since the last time; reads all steps from the device at once."""
        moves = [
            (key, value, *seen)
            for seen in self._steps
            for key, value in seen[1].items()
            if key.startswith("skipped_")  # players that were due
        ]
        self._steps = []
        flags = torch.stack([value for _, value, *_ in moves]).tolist() if moves else []
        found: list[Finding] = []
        for (key, _, step, figures, names), flag in zip(moves, flags, strict=True):
            self._in_a_row[key] = self._in_a_row[key] + 1 if flag else 0
            if flag and "not-finite" not in self._reported and self._is_a_problem(key, figures):
                found.append(_not_finite(step, figures, names, scaled=self._scaled))
            if self._in_a_row[key] >= STUCK and "stuck" not in self._reported:
                found.append(_stuck(step, key))
            self._reported |= {finding.name for finding in found}
        return found

    def _is_a_problem(self, key: str, figures: Mapping[str, Tensor]) -> bool:
        # fp16's scale is found by overflows, of gradients alone and not for long.
        overflows = self._in_a_row[key]
        return not self._scaled or overflows > MOST_OVERFLOWS or bool(_losses(figures))


def _losses(figures: Mapping[str, Tensor]) -> list[str]:
    return [n for n, value in figures.items() if n.startswith("loss_") and not value.isfinite()]


def _not_finite(
    step: int, figures: Mapping[str, Tensor], names: Sequence[str], *, scaled: bool
) -> Finding:
    what = ", ".join(_losses(figures)) or "a gradient"
    skipped = ", ".join(n for n, value in figures.items() if n.startswith("skipped_") and value)
    of = f" (samples: {', '.join(names)})" if names else ""
    other = ', or take precision "fp32" or "bf16" in place of "fp16"' if scaled else ""
    return Finding(
        step,
        "not-finite",
        f"{what} was not finite{of}. The players concerned ({skipped}) were left as they were by "
        "that step; running statistics may hold it. find_nonfinite(task, batch) names the layer, "
        "the term or the sample. If it comes again: give the optimizer a lower lr, write "
        f"clip_norm=1{other}.",
    )


def _stuck(step: int, key: str) -> Finding:
    return Finding(
        step,
        "stuck",
        f"`{key}`: the last {STUCK} moves of this player were skipped, since its gradient was not "
        "finite in any of them; the rest of the training is wasted. Stop it, go back to a "
        "checkpoint from before, and give the optimizer a lower lr or write clip_norm=1.",
    )
