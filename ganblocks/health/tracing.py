"""Where in a network a tensor stops being finite, found by hooks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn


class Trace:
    """Records the first module whose output is not finite, and the first such gradient.

    Modules end in the order of the data flow and inner ones before outer ones, so the first is
    where it happened. Gradients come in the reverse order.

    Attributes:
        output: A description of the first output that is not finite.
        gradient: A description of the first output whose gradient is not finite.

    Examples:
        >>> import torch
        >>> network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
        >>> _ = nn.init.constant_(network[1].bias, float("inf"))
        >>> trace = Trace()
        >>> trace.follow("generator", network)
        >>> _ = network(torch.zeros(1, 1, 2, 2))
        >>> trace.output.partition(",")[0]
        'the output of `generator.1` (Conv2d)'
    """

    def __init__(self) -> None:
        self.output: str | None = None
        self.gradient: str | None = None

    def follow(self, network_name: str, network: nn.Module) -> None:
        """Hooks every module of a network; the hooks stay, so pass a copy."""
        for name, module in network.named_modules():
            whole = f"{network_name}.{name}".rstrip(".")
            module.register_forward_hook(partial(self._look, whole), with_kwargs=True)

    def _look(
        self, name: str, module: nn.Module, args: Any, kwargs: dict[str, Any], made: Any
    ) -> None:
        label = f"`{name}` ({type(module).__name__})"
        outputs = tensors_in(made)
        if self.output is None and (bad := [x for x in outputs if count_nonfinite(x)]):
            self.output = _words(label, tensors_in((args, kwargs)), bad[0])
        for output in outputs:
            if output.requires_grad:
                output.register_hook(partial(self._look_back, label))

    def _look_back(self, label: str, gradient: Tensor | None) -> None:
        if gradient is None or self.gradient is not None:  # none: a second derivative that is 0
            return
        if count := count_nonfinite(gradient):
            self.gradient = (
                f"the gradient at the output of {label}, {count:,} of its {gradient.numel():,} "
                "values; all outputs and losses are finite"
            )


def tensors_in(value: Any) -> list[Tensor]:
    """Returns the floating-point tensors in lists, tuples and dicts of any depth."""
    waiting, found = [value], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            if item.is_floating_point() or item.is_complex():
                found.append(item)
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return found


def count_nonfinite(tensor: Tensor) -> int:
    """Counts the values of a tensor that are NaN or infinite."""
    return int((~tensor.detach().isfinite()).sum().item())


def _words(label: str, inputs: list[Tensor], output: Tensor) -> str:
    words = f"the output of {label}, {count_nonfinite(output):,} of its {output.numel():,} values"
    if any(count_nonfinite(x) for x in inputs):
        return f"{words}; its input is not finite already, and is no module's output"
    largest = max((x.detach().abs().max().item() for x in inputs if x.numel()), default=0.0)
    kind = str(output.dtype).removeprefix("torch.")
    return f"{words}, in {kind}; its input is finite, {largest:.3g} at most"
