"""The newest rows of a log, and the level that a figure has reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import fmean, median

Row = Mapping[str, float]
"""What a training logs at one step: figures by name, `"step"` among them."""


class Window:
    """The newest rows of a log: as few as make up so many rows and so many steps.

    Logs are read at every step or at every 400th: the first would fill a number of rows before
    anything has happened, the second a number of steps with hardly a figure.

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
        """Whether it holds enough to judge."""
        return self._enough(0)

    @property
    def steps(self) -> int:
        """How many steps lie between its first and its last row."""
        return int(self._rows[-1]["step"] - self._rows[0]["step"]) if self._rows else 0

    def add(self, row: Row) -> None:
        """Takes the next row, and lets go of those that are not needed any more."""
        self._rows.append(row)
        while self._enough(1):
            self._rows.popleft()

    def column(self, name: str) -> list[float]:
        """Returns a figure of every row, oldest first."""
        return [row[name] for row in self._rows]

    def mean(self, name: str) -> float:
        """Averages a figure over the rows."""
        return fmean(self.column(name))

    def _enough(self, first: int) -> bool:
        """Whether the rows from `first` on are enough."""
        if len(self._rows) - first < self._least_rows:
            return False
        return self._rows[-1]["step"] - self._rows[first]["step"] >= self._least_steps


class Level:
    """The highest running median that a figure has had: what is usual at its best.

    Examples:
        >>> level = Level("norm", Window(rows=3, steps=2))
        >>> for step, norm in enumerate([5.0, 7.0, 900.0, 1.0, 1.0]):
        ...     level.add({"step": step, "norm": norm})
        >>> level.highest
        7.0
    """

    def __init__(self, name: str, window: Window) -> None:
        self.name = name
        self.highest: float | None = None
        self._window = window

    def add(self, row: Row) -> None:
        """Takes the next row; before the window is full there is no median."""
        self._window.add(row)
        if self._window.full:
            now = median(self._window.column(self.name))
            self.highest = now if self.highest is None else max(self.highest, now)
