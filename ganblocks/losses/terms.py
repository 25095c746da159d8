"""Named loss terms of one player: the total is differentiated, the values are logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError


@dataclass
class LossTerms:
    """The loss of one player at one step, as named terms.

    Attributes:
        raw: The terms by name, without their weights.
        weighted: The terms by name, with their weights; their sum is differentiated.
        lazy: Names of terms that are not computed at every step.
        summed: Names of terms that are sums over the batch; others are means.
        metrics: Other scalars to log, by name.
        gradients: Images by name; the norm of the loss's gradient at each is logged.

    Examples:
        >>> terms = LossTerms()
        >>> terms.add("l1", torch.tensor(0.5), weight=100.0)
        >>> terms.add("r1", torch.tensor(2.0), weight=10.0, interval=16)
        >>> terms.raw["r1"].item(), terms.total().item(), terms.total(include_lazy=False).item()
        (2.0, 370.0, 50.0)
    """

    raw: dict[str, Tensor] = field(default_factory=dict)
    weighted: dict[str, Tensor] = field(default_factory=dict)
    lazy: set[str] = field(default_factory=set)
    summed: set[str] = field(default_factory=set)
    metrics: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, returned: Any) -> LossTerms:
        """Returns `LossTerms` unchanged; converts a dictionary of scalars to terms of weight 1.

        Args:
            returned: The value that a task's `loss` returned.

        Raises:
            OptionError: The value is neither.

        Examples:
            >>> LossTerms.of({"l1": torch.tensor(0.5)}).total().item()
            0.5
        """
        if isinstance(returned, LossTerms):
            return returned
        if not isinstance(returned, Mapping):
            raise OptionError(
                f"a task's loss returned {type(returned).__name__}: return LossTerms or a "
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
        weight: float | Tensor = 1.0,
        *,
        interval: int = 1,
        batch_reduction: str = "mean",
    ) -> None:
        """Adds a term.

        Args:
            name: The name in the log.
            value: A scalar tensor.
            weight: Its factor in the total.
            interval: The term is computed every `interval` steps, and multiplied by `interval`.
            batch_reduction: Whether the value is a `"mean"` or a `"sum"` over the batch.

        Raises:
            OptionError: The value is not a scalar tensor.
        """
        if not isinstance(value, Tensor) or value.dim():
            shape = getattr(value, "shape", None)
            got = f"is {value!r}" if shape is None else f"has shape {tuple(shape)}"
            raise OptionError(
                f"the term {name!r} {got}: a loss must return a scalar tensor, such as "
                "(fake - target).abs().mean(), without .item()",
                see="no-gradient-to-the-generator",
            )
        self.raw[name] = value
        # A term of weight 0 is logged but not part of the total, even if it is infinite.
        used = isinstance(weight, Tensor) or weight != 0
        self.weighted[name] = weight * (interval * value) if used else torch.zeros_like(value)
        if interval > 1:
            self.lazy.add(name)
        if batch_reduction == "sum":
            self.summed.add(name)

    def update(self, other: LossTerms, suffix: str = "") -> None:
        """Adds all terms of another loss, with a suffix to their names.

        Args:
            other: The other loss.
            suffix: The suffix, such as `"_a"`.

        Examples:
            >>> terms = LossTerms()
            >>> terms.update(LossTerms.of({"l1": torch.tensor(0.5)}), "_a")
            >>> list(terms.raw)
            ['l1_a']
        """
        for name in ("raw", "weighted", "metrics", "gradients"):
            own = getattr(self, name)
            own |= {f"{key}{suffix}": x for key, x in getattr(other, name).items()}
        self.lazy |= {f"{key}{suffix}" for key in other.lazy}
        self.summed |= {f"{key}{suffix}" for key in other.summed}

    def total(self, micro_batches: int = 1, *, include_lazy: bool = True) -> Tensor:
        """Returns the sum of the weighted terms: this micro-batch's share of the batch's loss.

        Args:
            micro_batches: Number of equal micro-batches; means are divided by it.
            include_lazy: Whether to include terms that are not computed at every step; totals
                without them are comparable between steps.
        """
        terms = {k: x for k, x in self.weighted.items() if include_lazy or k not in self.lazy}
        if micro_batches == 1:
            return _sum(list(terms.values()))
        means = _sum([value for name, value in terms.items() if name not in self.summed])
        sums = [value for name, value in terms.items() if name in self.summed]
        return _sum([means / micro_batches, *sums])


class NetworkTerm(nn.Module):
    """A term that the network computes itself, such as a KL divergence."""

    reaches_output = False

    def forward(self, value: Tensor) -> Tensor:
        """Returns the value.

        Args:
            value: The scalar that the network returned.
        """
        return value


def _sum(values: list[Tensor]) -> Tensor:
    zero = torch.zeros((), device=values[0].device if values else None)
    return sum(values, start=zero)
