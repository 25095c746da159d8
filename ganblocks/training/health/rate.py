"""The check of the learning rates."""

from __future__ import annotations

from ganblocks.training.health.window import Row, Window

RATES = {
    "lr": ("the learning rate", "--lr"),
    "lr_d": ("the discriminator's learning rate", "--lr-discriminator"),
}
# At this part of the rate that was, an update is below what fp32 weights can hold.
NOTHING = 1e-12


class LearningRateZero:
    """A rate is 0, or next to it, while the training goes on.

    Three rows and 100 steps: a warm-up that begins at 0 is no illness, nor a last step without.
    """

    name = "learning-rate-zero"

    def __init__(self) -> None:
        self._windows = {key: Window(rows=3) for key in RATES}
        self._highest = dict.fromkeys(RATES, 0.0)

    def read(self, row: Row) -> str | None:
        """Gives the message as soon as the rows say so."""
        found = [self._zero(key, row) for key in RATES if key in row]
        return next(filter(None, found), None)

    def _zero(self, key: str, row: Row) -> str | None:
        window, (what, flag) = self._windows[key], RATES[key]
        window.add(row)
        self._highest[key] = max(self._highest[key], row[key])
        if not window.full or max(window.column(key)) > NOTHING * self._highest[key]:
            return None
        return (
            f"over {window.steps} steps {what} was never above {max(window.column(key)):.2g}: the "
            "weights do not change any more, and the rest of the training is lost time. Look at "
            "the schedule (a longer one: --epochs, which it is laid out for), or set the rate "
            f"({flag} 2e-4)."
        )
