"""The latest rows of a log, and the usual size of a metric."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import fmean, median

Row = Mapping[str, float]
"""The row that is logged at one step: metrics by name, including `"step"`."""


class Window:
    """The latest rows of a log: the fewest that span a minimum number of rows and of steps.

    Both minimums matter: a log may have a row for every step or for every 400th.

    Examples:
        >>> window = Window(rows=2, steps=10)
        >>> for step in (10, 15, 20, 25):
        ...     window.add({"step": step, "loss": step / 5})
        >>> window.full, window.column("loss"), window.mean("loss")
        (True, [3.0, 4.0, 5.0], 4.0)
    """

    def __init__(self, rows: int = 10, steps: int = 100) -> None:
        self._least_rows = rows
        self._least_steps = steps
        self._rows: deque[Row] = deque()

    @property
    def full(self) -> bool:
        """Whether there are enough rows and steps."""
        return self._enough(0)

    @property
    def steps(self) -> int:
        """The number of steps from the first row to the last."""
        return int(self._rows[-1]["step"] - self._rows[0]["step"]) if self._rows else 0

    def add(self, row: Row) -> None:
        """Adds the next row, and drops rows that are no longer needed."""
        self._rows.append(row)
        while self._enough(1):
            self._rows.popleft()

    def column(self, name: str) -> list[float]:
        """Returns a metric from every row, oldest first."""
        return [row[name] for row in self._rows]

    def mean(self, name: str) -> float:
        """Returns the mean of a metric."""
        return fmean(self.column(name))

    def _enough(self, first: int) -> bool:
        if len(self._rows) - first < self._least_rows:
            return False
        return self._rows[-1]["step"] - self._rows[first]["step"] >= self._least_steps


class HighestMedian:
    """The highest running median of a metric so far: its usual size, without spikes."""

    def __init__(self, name: str, window: Window) -> None:
        self.name = name
        self.value: float | None = None  # until the window is full
        self._window = window

    def add(self, row: Row) -> None:
        """Adds the next row."""
        self._window.add(row)
        if self._window.full:
            now = median(self._window.column(self.name))
            self.value = now if self.value is None else max(self.value, now)
