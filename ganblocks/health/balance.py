"""Checks for a discriminator that cannot tell real from fake, or that always wins."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from ganblocks.health.window import HighestMedian, Row, Window

LOGITS = ("d_real", "d_fake", "d_spread")
METRICS = (*LOGITS, "d_accuracy", "grad_image", "grad_image_d")  # of one discriminator
# With least squares on real facades, the gap reached 0.15 spreads within the first 100 steps.
SAME = 1e-2
# In the same runs, the mean gap over any 200 steps was above 0.14 spreads. By chance, the gap
# would be 0 and the accuracy 0.5.
NEAR, CHANCE = 0.05, 0.55
# Logits that are nearly equal in fp32.
CONSTANT = 1e-6
# Healthy discriminators can be right at 99% of the positions, too: this alone is not a problem.
WINNING = 0.95
# On real facades, the gradient through the discriminator never fell below a tenth of its peak
# (least squares), and was 0.01 to 0.96 of the whole gradient.
FELL, VANISHED = 0.03, 1e-2
# The rounding error of fp32, in which the square of a gradient below TINY is subnormal.
WHOLE, TINY = 1e-7, 1e-18


class BlindDiscriminator:
    """Real and fake images get the same logits."""

    name = "blind-discriminator"

    def __init__(self, norm_on_logits: Callable[[], str | None]) -> None:
        self._norm_on_logits = norm_on_logits
        self._short, self._long = Window(), Window(steps=200)

    def read(self, row: Row) -> str | None:
        """Returns a message if the latest rows show the problem."""
        if not all(key in row for key in LOGITS):
            return None
        row = {**row, "gap": row["d_real"] - row["d_fake"]}
        self._short.add(row)
        if self._short.full and (seen := _alike(self._short)):
            return f"{seen} {self._remedy()}"
        if "d_accuracy" in row:
            self._long.add(row)
            if self._long.full and (seen := _at_chance(self._long)):
                return f"{seen} {self._remedy()}"
        return None

    def _remedy(self) -> str:
        means = "The generator learns only from the other losses. "
        if norm := self._norm_on_logits():
            return (
                f"{means}The cause is a norm on the logits, {norm}, after the last convolution: it "
                "gives every image the same mean logit. Remove it, or use a discriminator without "
                "one, such as PatchDiscriminator."
            )
        return (
            f"{means}Unless the fakes are already as good as real images, raise the `lr` of the "
            "discriminator's optimizer or lower the weight of its penalty, and check that real and "
            "fake images are not swapped or shuffled, that nothing detaches the logits, and that "
            "the optimizer has the discriminator's parameters."
        )


class DiscriminatorWins:
    """The discriminator is right everywhere, and the gradient through it has vanished.

    Attributes:
        winning: Whether the latest rows showed the problem.
    """

    name = "discriminator-wins"

    def __init__(self) -> None:
        self.winning = False
        self._window = Window()
        # Ten rows: a discriminator may win within the first hundred steps.
        self._usual = HighestMedian("grad_image_d", Window(rows=10, steps=9))
        self._alone = True

    def read(self, row: Row) -> str | None:
        """Returns a message if the latest rows show the problem."""
        self.winning = False
        if not all(key in row for key in ("d_accuracy", "grad_image", "grad_image_d")):
            return None
        self._window.add(row)
        self._usual.add(row)
        # Without other terms there is no other part of the gradient to compare with.
        self._alone &= is_whole(row["grad_image_d"], row["grad_image"])
        usual = self._usual.value
        if not self._window.full or not usual:
            return None
        accuracy = self._window.mean("d_accuracy")
        # Medians, because a single image that the discriminator is unsure of has a large gradient.
        gradient = median(self._window.column("grad_image_d"))
        whole = median(self._window.column("grad_image"))
        small = self._alone or gradient < VANISHED * whole
        self.winning = accuracy > WINNING and gradient < FELL * usual and small
        if not self.winning:
            return None
        return (
            f"over {self._window.steps} steps the discriminator was right at {accuracy:.1%} of "
            "the positions, and the median of the generator's gradient through it was "
            f"{gradient:.2g}, {gradient / usual:.1g} of its peak. The discriminator always wins, "
            "and the generator no longer learns from it. To slow it down, lower the `lr` of the "
            "discriminator's optimizer, add a penalty such as r1 to the terms, set "
            '`augment="diff_augment"` if there are few images, or use an adversarial loss whose '
            "gradient does not vanish (hinge or lsgan; saturating vanishes first)."
        )


def is_whole(part: float, whole: float) -> bool:
    """Whether, judging by their norms, a part of a gradient may be the whole gradient."""
    return whole < TINY or abs(part - whole) <= WHOLE * whole


def _alike(window: Window) -> str | None:
    largest = max(abs(gap) for gap in window.column("gap"))
    spread, logit = window.mean("d_spread"), window.mean("d_real")
    if spread <= CONSTANT * (1 + abs(logit)):
        return (
            f"over {window.steps} steps the discriminator returned the same logit everywhere, "
            f"{logit:.3g} on average, for real and fake images alike."
        )
    if largest < SAME * spread:
        return (
            f"over {window.steps} steps the mean logits of real and fake images never differed by "
            f"more than {largest:.1g}, while individual logits spread by {spread:.2g}."
        )
    return None


def _at_chance(window: Window) -> str | None:
    gap, spread = window.mean("gap"), window.mean("d_spread")
    accuracy = window.mean("d_accuracy")
    if gap >= NEAR * spread or accuracy >= CHANCE:
        return None
    return (
        f"over {window.steps} steps the discriminator did not tell real from fake: "
        f"D(real) − D(fake) was {gap:.2g} on average, while individual logits spread by "
        f"{spread:.2g}, and it was right at {accuracy:.0%} of the positions, where chance is 50%."
    )
