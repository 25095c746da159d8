"""Precision and reduction of a loss's values."""

from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.errors import require_one_of

REDUCTIONS = ("mean", "sum", "none")
"""The mean of all values, their sum, or every value, as in torch."""


@checked
def full_precision(x: Floats) -> Tensor:
    """Returns half-precision values as float32, so that their mean is accurate; others unchanged.

    Args:
        x: Values of any shape.

    Examples:
        >>> import torch
        >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x.float() if x.element_size() < 4 else x


@checked
def reduce(values: Floats, reduction: str = "mean") -> Tensor:
    """Returns the mean or the sum of all values, or the values unchanged.

    Args:
        values: Values of any shape.
        reduction: `"mean"`, `"sum"` (over the batch too) or `"none"`.

    Raises:
        OptionError: The reduction is unknown.

    Examples:
        >>> import torch
        >>> reduce(torch.tensor([1.0, 3.0]), "sum").item()
        4.0
    """
    require_one_of("reduction", reduction, REDUCTIONS)
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values
