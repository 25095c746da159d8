"""Where operations have their rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ganblocks.errors import OptionError
from ganblocks.rf.call import Rule

RULES: dict[Any, Rule] = {}
"""Rule by operation; `"pointwise"` is that of all that torch calls pointwise."""


def register_rule(*operations: Any) -> Callable[[Rule], Rule]:
    """Tells the receptive-field calculator what an operation does.

    The rule is a function that takes the `Call` and gives what each element of the output sees:
    `call.reach()` is what the first argument does, `.gather(dim, taps)`, `.reduce(dims)`,
    `.reshape`, `.permute` and `.expand` make of it what the operation does, and
    `window(count, kernel, stride, padding)` are a window's taps.

    Args:
        *operations: Operations such as `torch.ops.my_package.blur`.

    Raises:
        OptionError: A thing that is no operation.

    Examples:
        >>> from ganblocks.rf import register_rule, window
        >>> library = torch.library.Library("doctest_rules", "DEF")
        >>> _ = library.define("blur(Tensor x) -> Tensor")
        >>> @register_rule(torch.ops.doctest_rules.blur)
        ... def blur(call):
        ...     return call.reach().gather(-1, window(call.out.shape[-1], kernel=3, padding=1))
    """
    for operation in operations:
        if not isinstance(operation, torch._ops.OpOverloadPacket | torch._ops.OpOverload):
            raise OptionError(
                f"{operation!r} is no operation: write one such as torch.ops.my_package.blur"
            )

    def keep(rule: Rule) -> Rule:
        for operation in operations:
            RULES[getattr(operation, "overloadpacket", operation)] = rule
        return rule

    return keep


def aten(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for operations of torch, by name; one that this torch lacks is left out."""
    ops = torch.ops.aten
    return register_rule(*(getattr(ops, name) for name in names if hasattr(ops, name)))
