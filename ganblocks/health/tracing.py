"""Hooks that find where a tensor of a network stops being finite."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn


class Trace:
    """Records the first module whose output is not finite, and the first such gradient.

    Modules finish in the order of the data flow, inner before outer, so the first one is the
    origin. Gradients arrive in reverse order.

    Attributes:
        output: Describes the first output that is not finite; None if there is none.
        gradient: Describes the first output whose gradient is not finite; None if there is none.
    """

    def __init__(self) -> None:
        self.output: str | None = None
        self.gradient: str | None = None

    def attach(self, network_name: str, network: nn.Module) -> None:
        """Hooks every module of a network; the hooks stay, so pass a copy."""
        for name, module in network.named_modules():
            path = f"{network_name}.{name}".rstrip(".")
            module.register_forward_hook(partial(self._on_output, path), with_kwargs=True)

    def _on_output(
        self, name: str, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any
    ) -> None:
        label = f"`{name}` ({type(module).__name__})"
        outputs = tensors_in(output)
        if self.output is None and (bad := [x for x in outputs if count_nonfinite(x)]):
            self.output = _describe(label, tensors_in((args, kwargs)), bad[0])
        for tensor in outputs:
            if tensor.requires_grad:
                tensor.register_hook(partial(self._on_gradient, label))

    def _on_gradient(self, label: str, gradient: Tensor | None) -> None:
        if gradient is None or self.gradient is not None:  # None: a second derivative that is 0
            return
        if count := count_nonfinite(gradient):
            self.gradient = (
                f"the gradient at the output of {label}, {count:,} of its {gradient.numel():,} "
                "values; all outputs and losses are finite"
            )


def tensors_in(value: Any) -> list[Tensor]:
    """Returns the floating-point tensors in lists, tuples and dicts of any depth."""
    pending, tensors = [value], []
    while pending:
        item = pending.pop()
        if isinstance(item, Tensor):
            if item.is_floating_point() or item.is_complex():
                tensors.append(item)
        elif isinstance(item, Mapping):
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item
    return tensors


def count_nonfinite(tensor: Tensor) -> int:
    """Counts the values of a tensor that are NaN or infinite."""
    return int((~tensor.detach().isfinite()).sum().item())


def _describe(label: str, inputs: list[Tensor], output: Tensor) -> str:
    text = f"the output of {label}, {count_nonfinite(output):,} of its {output.numel():,} values"
    if any(count_nonfinite(x) for x in inputs):
        return f"{text}; its input is already not finite, and is not the output of a module"
    largest = max((x.detach().abs().max().item() for x in inputs if x.numel()), default=0.0)
    kind = str(output.dtype).removeprefix("torch.")
    return f"{text}, in {kind}; its input is finite, {largest:.3g} at most"
