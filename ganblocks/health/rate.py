"""The check for learning rates of 0."""

from __future__ import annotations

from ganblocks.health.window import Row, Window

# At this fraction of the highest rate, an update is below the precision of fp32 weights.
NEGLIGIBLE = 1e-12


class LearningRateZero:
    """A learning rate is 0, or nearly so, while training continues.

    It must stay there for three rows and 100 steps, which excludes a warm-up from 0 and a last step
    at 0.
    """

    name = "learning-rate-zero"

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._highest: dict[str, float] = {}

    def read(self, row: Row) -> str | None:
        """Returns a message if the latest rows show the problem."""
        messages = [self._zero(key, row) for key in row if key.startswith("lr_")]
        return next(filter(None, messages), None)

    def _zero(self, key: str, row: Row) -> str | None:
        window = self._windows.setdefault(key, Window(rows=3))
        window.add(row)
        self._highest[key] = max(self._highest.get(key, 0.0), row[key])
        rate = max(window.column(key))
        if not window.full or rate > NEGLIGIBLE * self._highest[key]:
            return None
        return (
            f"over {window.steps} steps the learning rate `{key}` was never above {rate:.2g}: the "
            "weights no longer change, and the rest of the run is wasted. Check the schedule, "
            "which spans `epochs`, or set the optimizer's `lr`, such as 2e-4."
        )
