"""Checks for gradients that explode or outweigh the others."""

from __future__ import annotations

from collections import Counter

from ganblocks.health.balance import DiscriminatorWins, is_whole
from ganblocks.health.window import HighestMedian, Row, Window

# In healthy runs, single steps reach 10 times the median, and the median grew 8-fold in 300 steps.
EXPLODED, ROWS = 100.0, 5
# On real facades, with λ = 100, the adversarial share was 0.01 to 0.96.
LEAST = 1e-3
# The parts are nearly orthogonal: at this share, the others are 1.4% of the adversarial one.
MOST = 1e-4


class OutOfProportion:
    """A gradient far above its usual size, or a loss that outweighs the others."""

    name = "gradients-out-of-proportion"

    def __init__(self, wins: DiscriminatorWins) -> None:
        self._wins = wins
        self._usual: dict[str, HighestMedian] = {}
        self._above: Counter[str] = Counter()
        self._shares = Window()
        self._mixed = False

    def read(self, row: Row) -> str | None:
        """Returns a message if the latest rows show the problem; call `wins.read` first."""
        exploded = [self._exploded(key, row) for key in row if key.startswith("grad_norm_")]
        return next(filter(None, exploded), None) or self._share(row)

    def _exploded(self, key: str, row: Row) -> str | None:
        median = self._usual.setdefault(key, HighestMedian(key, Window()))
        usual = median.value
        if not usual or row[key] <= EXPLODED * usual:
            self._above[key] = 0
            median.add(row)  # without the rows of an explosion
            return None
        self._above[key] += 1
        if self._above[key] < ROWS:
            return None
        # One limit for all players: three times the usual norm of the player with the largest.
        clip_norm = 3 * max(median.value or 0.0 for median in self._usual.values())
        return (
            f"in the last {ROWS} rows `{key}` was more than {EXPLODED:.0f} times its usual size: "
            f"it is {row[key]:.3g}, and its highest running median was {usual:.3g}. Exploding "
            f"gradients end in NaN. Set `clip_norm={clip_norm:.1g}` and lower the optimizer's "
            "`lr`; the last checkpoint may be from before the explosion."
        )

    def _share(self, row: Row) -> str | None:
        if not row.get("grad_image") or not row.get("grad_image_d"):
            return None  # not logged, or the schedule of the adversarial weight is at 0
        share = row["grad_image_d"] / row["grad_image"]
        # Without other terms the share is 1 by design.
        self._mixed |= not is_whole(row["grad_image_d"], row["grad_image"])
        self._shares.add({"step": row["step"], "share": share})
        if not self._shares.full or not self._mixed or self._wins.winning:
            return None
        shares, steps = self._shares.column("share"), self._shares.steps
        if max(shares) < LEAST:
            return (
                f"over {steps} steps the adversarial loss made up at most {max(shares):.1g} of the "
                "gradient at the generator's output: only the other losses have an effect, as if "
                "there were no discriminator. Lower the weights of the other terms, or raise that "
                "of the adversarial term."
            )
        if max(abs(share - 1) for share in shares) < MOST:
            return (
                f"over {steps} steps the adversarial loss made up the whole gradient at the "
                "generator's output: the other losses have no effect, and fakes need not match "
                "their input. Raise the weights of the other terms; if the mean logits have grown "
                "into the thousands, training has diverged: start again with a lower `lr`."
            )
        return None
