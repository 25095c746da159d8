"""The rules, by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ganblocks.errors import OptionError
from ganblocks.rf.call import Rule
from ganblocks.rf.torch_internals import OPERATION_TYPES

RULES: dict[Any, Rule] = {}
"""Rules by operation; `"pointwise"` applies to all operations that torch tags as pointwise."""


def register_rule(*operations: Any) -> Callable[[Rule], Rule]:
    """Registers a rule of the receptive-field calculator for an operation.

    The rule is a function that takes the `Call` and returns the region of the output.
    `call.region()` is the region of the first argument; `.gather(dim, taps)`, `.reduce(dims)`,
    `.reshape`, `.permute` and `.expand` transform it like the tensor, and `window(count, kernel,
    stride, padding)` returns a window's taps.

    Args:
        *operations: Operations such as `torch.ops.my_package.blur`.

    Raises:
        OptionError: An argument is not an operation.

    Examples:
        >>> from ganblocks.rf import register_rule, window
        >>> library = torch.library.Library("doctest_rules", "DEF")
        >>> _ = library.define("blur(Tensor x) -> Tensor")
        >>> @register_rule(torch.ops.doctest_rules.blur)
        ... def blur(call):
        ...     return call.region().gather(-1, window(call.out.shape[-1], kernel=3, padding=1))
    """
    for operation in operations:
        if not isinstance(operation, OPERATION_TYPES):
            raise OptionError(
                f"{operation!r} is not an operation: pass one such as torch.ops.my_package.blur"
            )

    def keep(rule: Rule) -> Rule:
        for operation in operations:
            RULES[getattr(operation, "overloadpacket", operation)] = rule
        return rule

    return keep


def aten(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for torch's operations by name; names that torch lacks are ignored."""
    ops = torch.ops.aten
    return register_rule(*(getattr(ops, name) for name in names if hasattr(ops, name)))
