"""The check of the learning rates."""

from __future__ import annotations

from ganblocks.health.window import Row, Window

# At this part of the rate that was, an update is below what fp32 weights can hold.
NOTHING = 1e-12


class LearningRateZero:
    """A rate is 0, or nearly so, while the training goes on.

    Three rows and 100 steps: a warm-up from 0 is no problem, nor is a last step at 0.
    """

    name = "learning-rate-zero"

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._highest: dict[str, float] = {}

    def read(self, row: Row) -> str | None:
        """Returns the message as soon as the rows say so."""
        found = [self._zero(key, row) for key in row if key.startswith("lr_")]
        return next(filter(None, found), None)

    def _zero(self, key: str, row: Row) -> str | None:
        window = self._windows.setdefault(key, Window(rows=3))
        window.add(row)
        self._highest[key] = max(self._highest.get(key, 0.0), row[key])
        if not window.full or max(window.column(key)) > NOTHING * self._highest[key]:
            return None
        return (
            f"over {window.steps} steps the learning rate `{key}` was never above "
            f"{max(window.column(key)):.2g}: the weights no longer change, and the rest of "
            "the training is wasted. Look at the schedule (it is laid out for `epochs`), or set "
            "the optimizer's lr, such as 2e-4."
        )
