"""How the values of a loss become one: precision and reduction."""

from torch import Tensor

from ganblocks.errors import require_one_of

REDUCTIONS = ("mean", "sum", "none")
"""The mean of all values, their sum, or every value by itself."""


def full_precision(x: Tensor) -> Tensor:
    """Returns half-precision values as fp32, in which a mean keeps its digits; others unchanged.

    Args:
        x: Values of any shape.

    Examples:
        >>> import torch
        >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x.float() if x.element_size() < 4 else x


def reduce(values: Tensor, reduction: str = "mean") -> Tensor:
    """Takes the mean or the sum of all values, or leaves them as they are.

    Args:
        values: Values of any shape.
        reduction: `"mean"`, `"sum"` (over the batch too) or `"none"`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> reduce(torch.tensor([1.0, 3.0]), "sum").item()
        4.0
    """
    require_one_of("reduction", reduction, REDUCTIONS)
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values
