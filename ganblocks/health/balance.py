"""Checks of the balance: a discriminator that sees nothing, and one that always wins."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from ganblocks.health.window import Level, Row, Window

LOGITS = ("d_real", "d_fake", "d_spread")
# Least squares on real facades: in its first 100 steps the gap reached 0.15 spreads and more.
SAME = 1e-2
# The same runs: the mean gap of any 200 steps was above 0.14 spreads; chance is 0 and 0.5.
NEAR, CHANCE = 0.05, 0.55
# Logits that differ by less than fp32 can tell.
CONSTANT = 1e-6
# Healthy discriminators are right at 99 % of the places too: this alone is no problem.
WINNING = 0.95
# On real facades the gradient through the discriminator fell to a tenth at most (least squares),
# and was 0.01 to 0.96 of the whole.
FELL, VANISHED = 0.03, 1e-2
# Rounding in fp32, in which the square of a gradient below the second is no normal number.
WHOLE, TINY = 1e-7, 1e-18


class BlindDiscriminator:
    """Real and fake images score alike."""

    name = "blind-discriminator"

    def __init__(self, norm_on_logits: Callable[[], str | None]) -> None:
        self._norm_on_logits = norm_on_logits
        self._same, self._long = Window(), Window(steps=200)

    def read(self, row: Row) -> str | None:
        """Returns the message as soon as the rows say so."""
        if not all(key in row for key in LOGITS):
            return None
        self._same.add({**row, "gap": row["d_real"] - row["d_fake"]})
        if self._same.full and (seen := _alike(self._same)):
            return f"{seen} {self._remedy()}"
        if "d_accuracy" not in row:
            return None
        self._long.add({**row, "gap": row["d_real"] - row["d_fake"]})
        if self._long.full and (seen := _at_chance(self._long)):
            return f"{seen} {self._remedy()}"
        return None

    def _remedy(self) -> str:
        means = "The generator learns nothing from it: what it makes comes of the other losses. "
        if norm := self._norm_on_logits():
            return (
                f"{means}The discriminator has a norm on its logits, {norm}, after the last "
                "convolution: it gives every image the same mean logit. Remove it, or take a "
                "discriminator of ganblocks, such as PatchDiscriminator, which has none."
            )
        return (
            f"{means}Unless the fakes are as good as the real images already: give the "
            "discriminator's optimizer a higher lr and its penalty less weight, and check that "
            "real and fake images are not swapped or shuffled, that nothing detaches the logits, "
            "and that the optimizer has the discriminator's parameters."
        )


class DiscriminatorWins:
    """The discriminator is right everywhere, and its gradient to the image has vanished.

    Attributes:
        winning: Whether that was so at the last row.
    """

    name = "discriminator-wins"

    def __init__(self) -> None:
        self.winning = False
        self._window = Window()
        # Ten rows: a discriminator may win within the first hundred steps.
        self._level = Level("grad_image_d", Window(rows=10, steps=9))
        self._alone = True

    def read(self, row: Row) -> str | None:
        """Returns the message as soon as the rows say so."""
        self.winning = False
        if not all(key in row for key in ("d_accuracy", "grad_image", "grad_image_d")):
            return None
        self._window.add(row)
        self._level.add(row)
        # An objective of adversarial terms only: there is no other part to compare with.
        self._alone &= is_whole(row["grad_image_d"], row["grad_image"])
        usual = self._level.highest
        if not self._window.full or not usual:
            return None
        accuracy = self._window.mean("d_accuracy")
        # Medians: single images that the discriminator is unsure of still give a large one.
        gradient = median(self._window.column("grad_image_d"))
        whole = median(self._window.column("grad_image"))
        small = self._alone or gradient < VANISHED * whole
        self.winning = accuracy > WINNING and gradient < FELL * usual and small
        if not self.winning:
            return None
        return (
            f"over {self._window.steps} steps the discriminator was right at {accuracy:.1%} of "
            "the places, and the median of the generator's gradient through it was "
            f"{gradient:.2g}, {gradient / usual:.1g} of what it has been. It always wins, and what "
            "it knows does not reach the generator any more. Slow it down: a lower lr for the "
            "discriminator's optimizer, a penalty such as r1 among the terms, "
            'augment="diff_augment" where there are few images, or an adversarial loss whose '
            "gradient does not vanish (hinge, lsgan; saturating vanishes soonest)."
        )


def is_whole(part: float, whole: float) -> bool:
    """Whether a part of a gradient may be all of it, by their norms."""
    return whole < TINY or abs(part - whole) <= WHOLE * whole


def _alike(window: Window) -> str | None:
    gaps, spread = [abs(gap) for gap in window.column("gap")], window.mean("d_spread")
    level = abs(window.mean("d_real"))
    if spread <= CONSTANT * (1 + level):
        return (
            f"over {window.steps} steps the discriminator gave the same logit everywhere, "
            f"{window.mean('d_real'):.3g} on average, for real and fake images alike."
        )
    if max(gaps) < SAME * spread:
        return (
            f"over {window.steps} steps the mean logits of real and fake images were the same "
            f"at every look: they differed by {max(gaps):.1g} at most, where single logits spread "
            f"by {spread:.2g}."
        )
    return None


def _at_chance(window: Window) -> str | None:
    gap, spread = window.mean("gap"), window.mean("d_spread")
    accuracy = window.mean("d_accuracy")
    if gap < NEAR * spread and accuracy < CHANCE:
        return (
            f"over {window.steps} steps the discriminator did not tell real from fake: "
            f"D(real) − D(fake) was {gap:.2g} on average, where single logits spread by "
            f"{spread:.2g}, and it was right at {accuracy:.0%} of the places; chance is 50 %."
        )
    return None
