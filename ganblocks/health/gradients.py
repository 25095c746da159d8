"""Checks of the gradients: one that explodes, and one that outweighs the others."""

from __future__ import annotations

from collections import Counter

from ganblocks.health.balance import DiscriminatorWins, is_whole
from ganblocks.health.window import Level, Row, Window

# Single steps of healthy runs reach 10 times the median, and over 300 steps that grew 8-fold.
EXPLODED, ROWS = 100.0, 5
# On real facades with λ 100 the adversarial share was 0.01 to 0.96.
LEAST = 1e-3
# The parts are about at right angles: at this share the others are 1.4 % of the adversarial one.
MOST = 1e-4


class OutOfProportion:
    """Gradients far above their usual size, or a loss that another outweighs."""

    name = "gradients-out-of-proportion"

    def __init__(self, wins: DiscriminatorWins) -> None:
        self._wins = wins
        self._levels: dict[str, Level] = {}
        self._above: Counter[str] = Counter()
        self._shares = Window()
        self._mixed = False

    def read(self, row: Row) -> str | None:
        """Returns the message as soon as the rows say so; `wins` has read the row before."""
        exploded = [self._exploded(key, row) for key in row if key.startswith("grad_norm_")]
        return next(filter(None, exploded), None) or self._share(row)

    def _exploded(self, key: str, row: Row) -> str | None:
        level = self._levels.setdefault(key, Level(key, Window()))
        usual = level.highest
        if not usual or row[key] <= EXPLODED * usual:
            self._above[key] = 0
            level.add(row)  # what is far above the level does not raise it
            return None
        self._above[key] += 1
        if self._above[key] < ROWS:
            return None
        return (
            f"at the last {ROWS} rows `{key}` was more than {EXPLODED:.0f} times its usual size: "
            f"it is {row[key]:.3g}, and the highest running median before was {usual:.3g}. A "
            f"training that explodes ends in NaN. Write clip_norm={self._clip():.1g} and give the "
            "optimizer a lower lr; the last checkpoint may be from before."
        )

    def _clip(self) -> float:
        """A norm for all players: three times what is usual for the one with the largest."""
        return 3 * max(level.highest or 0.0 for level in self._levels.values())

    def _share(self, row: Row) -> str | None:
        if not row.get("grad_image") or not row.get("grad_image_d"):
            return None  # there is none, or the adversarial weight is 0 by its schedule
        share = row["grad_image_d"] / row["grad_image"]
        # An objective of adversarial terms only has a share of 1 by design.
        self._mixed |= not is_whole(row["grad_image_d"], row["grad_image"])
        self._shares.add({"step": row["step"], "share": share})
        if not self._shares.full or not self._mixed or self._wins.winning:
            return None
        shares, steps = self._shares.column("share"), self._shares.steps
        if max(shares) < LEAST:
            return (
                f"over {steps} steps the adversarial loss made at most {max(shares):.1g} of the "
                "generator's gradient at its output: the other losses alone decide, as if there "
                "were no discriminator. Lower the weights of those terms, or raise the "
                "adversarial term's."
            )
        if max(abs(share - 1) for share in shares) < MOST:
            return (
                f"over {steps} steps the adversarial loss made the whole of the generator's "
                "gradient at its output: the other losses have no effect, and fakes need not fit "
                "their input. Raise the weights of those terms; where the mean logits have grown "
                "into the thousands, the training has exploded: start again with a lower lr."
            )
        return None
