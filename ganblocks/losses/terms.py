"""Named loss terms of one player: what is differentiated, and what a log shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import OptionError


@dataclass
class LossTerms:
    """What one player minimizes at one step.

    Attributes:
        raw: Each term without its weight, by name.
        weighted: Each term with it: their sum is differentiated.
        lazy: Names of terms that are not due at every step.
        summed: Names of terms that are sums over the batch; the others are means.
        figures: Other scalars for the log, by name.
        gradients: Images by name: the log shows the norm of the player's gradient to each.

    Examples:
        >>> terms = LossTerms()
        >>> terms.add("l1", torch.tensor(0.5), weight=100.0)
        >>> terms.add("r1", torch.tensor(2.0), weight=10.0, factor=16)
        >>> terms.raw["r1"].item(), terms.total().item(), terms.total(lazy=False).item()
        (2.0, 370.0, 50.0)
    """

    raw: dict[str, Tensor] = field(default_factory=dict)
    weighted: dict[str, Tensor] = field(default_factory=dict)
    lazy: set[str] = field(default_factory=set)
    summed: set[str] = field(default_factory=set)
    figures: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, returned: Any) -> LossTerms:
        """Returns terms as they are, and a dictionary of scalars as terms of weight 1.

        Args:
            returned: What a task's `loss` returned.

        Raises:
            OptionError: It is neither.

        Examples:
            >>> LossTerms.of({"l1": torch.tensor(0.5)}).total().item()
            0.5
        """
        if isinstance(returned, LossTerms):
            return returned
        if not isinstance(returned, Mapping):
            raise OptionError(
                f"a task's loss returned {type(returned).__name__}: return LossTerms, or a "
                'dictionary of scalars such as {"l1": value}'
            )
        terms = cls()
        for name, value in returned.items():
            terms.add(name, value)
        return terms

    def add(
        self,
        name: str,
        value: Tensor,
        weight: float = 1.0,
        *,
        factor: int = 1,
        over_batch: str = "mean",
    ) -> None:
        """Adds a term.

        Args:
            name: The name that logs show.
            value: A scalar.
            weight: What it is multiplied by in the total.
            factor: Steps from one time that it is due to the next: the total counts it so many
                times.
            over_batch: Whether the value is a `"mean"` or a `"sum"` over the batch.

        Raises:
            OptionError: The value is not a tensor of one number.
        """
        if not isinstance(value, Tensor) or value.dim():
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
            raise OptionError(
                f"the term {name!r} gave {got}: a loss gives a tensor of one value, such as "
                "(fake - target).abs().mean(), without .item()",
                see="no-gradient-to-the-generator",
            )
        self.raw[name] = value
        # A term of weight 0 is logged, and is out of the total even where it is infinite.
        self.weighted[name] = weight * (factor * value) if weight else torch.zeros_like(value)
        if factor > 1:
            self.lazy.add(name)
        if over_batch == "sum":
            self.summed.add(name)

    def total(self, parts: int = 1, *, lazy: bool = True) -> Tensor:
        """Sum of the weighted terms: this part's share of the whole batch's loss.

        Args:
            parts: Equal parts that the batch is cut into; means count 1/parts, sums in full.
            lazy: Whether terms count that are not due at every step; without them the totals of
                steps are comparable.
        """
        counted = {k: x for k, x in self.weighted.items() if lazy or k not in self.lazy}
        if parts == 1:
            return _sum(list(counted.values()))
        means = _sum([value for name, value in counted.items() if name not in self.summed])
        return _sum([means / parts, *(counted[name] for name in counted if name in self.summed)])


def _sum(values: list[Tensor]) -> Tensor:
    total = torch.zeros((), device=values[0].device) if values else torch.zeros(())
    for value in values:
        total = total + value
    return total
