"""Tests a module: its example inputs, outputs and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError
from ganblocks.testing.contract import Size, Tester, build, known_spec, require, require_finite
from ganblocks.testing.tensors import Tensors, named, seeded
from ganblocks.torch_classes import DropoutNd

Inputs = Callable[[int, int, int], tuple[Tensor, ...]]
"""Makes example inputs: `(batch, height, width) -> tensors`, batch first."""


class NetworkTester(Tester[nn.Module]):
    """Tests a module on example inputs."""

    options: ClassVar[tuple[str, ...]] = (
        "size",
        "in_channels",
        "out_channels",
        "inputs",
        "backend",
    )
    default_size = (6, 8)
    in_names: ClassVar[tuple[str, ...]] = ("in_channels",)
    out_names: ClassVar[tuple[str, ...]] = ("out_channels",)

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        in_channels: int | None = None,
        out_channels: int | None = None,
        inputs: Inputs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(make, **options)
        length, classes = (number_of(make, name) for name in ("latent_dim", "num_classes"))
        channels = 0 if inputs or length else in_channels or require_number(make, *self.in_names)
        self.inputs = inputs or partial(_random_inputs, channels, length, classes)
        self.out_channels = out_channels or number_of(make, *self.out_names)  # None: unknown

    def example(
        self, batch: int = 2, size: Size | None = None, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, ...]:
        """Returns example inputs, the same at every call."""
        with seeded(2):
            inputs = self.inputs(batch, *(size or self.size))
        return tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)

    def perturbed(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Builds a module in train mode, and moves its parameters off their initial values.

        An initial gain of 0 would hide the layers before it.
        """
        with seeded(3):
            module = self.make()
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return module.to(dtype).train()

    def used(self) -> nn.Module:
        """Builds a perturbed module and runs it once in train mode."""
        module = self.perturbed()
        outputs(module, self.example())
        return module

    def behavior(self, component: nn.Module) -> Tensors:
        """Returns the outputs in eval mode."""
        return outputs(component.eval(), self.example())

    def require_image(
        self, module: nn.Module, batch: int, size: Size, expected: Size | None = None
    ) -> None:
        """Requires one finite float32 image, of the expected size if there is one."""
        result = outputs(module, self.example(batch, size))
        where = f"for an input of {size[0]}×{size[1]}, in {mode_of(module)} mode,"
        require(
            list(result) == ["output"], f"{where} it returns {list(result)} instead of one tensor"
        )
        (out,) = result.values()
        shape = tuple(out.shape)
        require(out.dim() == 4 and out.numel() > 0, f"{where} it returns the shape {shape}")
        required = (batch, self.out_channels or shape[1], *(expected or shape[2:]))
        require(shape == required, f"{where} it returns {shape} instead of {required}")
        require(out.dtype == torch.float32, f"{where} it returns {out.dtype} for a float32 input")
        require_finite(out, f"{where} its output")


def _random_inputs(
    channels: int, length: int | None, classes: int | None, batch: int, height: int, width: int
) -> tuple[Tensor, ...]:
    image = 2 * torch.rand(batch, channels, height, width) - 1
    first = torch.randn(batch, length) if length else image
    return (first, torch.randint(classes, (batch,))) if classes else (first,)


def number_of(factory: Callable[[], nn.Module], *names: str) -> int | None:
    """Returns a component's attribute or argument of one of these names, if it is an integer."""
    component = build(factory)
    spec = known_spec(component)
    for name in names:
        value = getattr(component, name, spec.get(name))
        if isinstance(value, int):
            return value
    return None


def require_number(factory: Callable[[], nn.Module], *names: str) -> int:
    """Returns `number_of`, or raises `OptionError` if it is unknown."""
    number = number_of(factory, *names)
    if number is None:
        raise OptionError(
            f"the component has no {names[0]!r}, neither as an attribute nor in its spec: "
            f"write {names[0]}=... in the call of the check"
        )
    return number


def outputs(module: Callable[..., Any], inputs: tuple[Tensor, ...], seed: int = 1) -> Tensors:
    """Runs a module without gradients under a seed."""
    with seeded(seed), torch.no_grad():
        return named(module(*inputs))


def without_dropout(module: nn.Module) -> nn.Module:
    """Turns off a module's dropout in place, including that of mode "always"."""
    for child in module.modules():
        if isinstance(child, DropoutNd):
            child.p = 0.0
    return module


def mode_of(module: nn.Module) -> str:
    """Returns "train" or "eval"."""
    return "train" if module.training else "eval"


def outputs_and_gradients(
    call: Callable[..., Any],
    inputs: Iterable[Tensor],
    *,
    module: nn.Module | None = None,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Tensors:
    """Runs a function or module forward and backward under a seed.

    It differentiates a randomly weighted sum of the outputs, so that errors do not cancel, with
    output gradients in `memory_format`. Parameters are those of `module`, by default of `call`. A
    tensor without effect has no gradient.
    """
    if module is None:
        module = call if isinstance(call, nn.Module) else nn.Module()
    leaves = [
        x.clone(memory_format=torch.preserve_format).requires_grad_(x.is_floating_point())
        for x in inputs
    ]
    module.zero_grad(set_to_none=True)
    with seeded(1):
        results = named(call(*leaves))
    with seeded(4):
        torch.stack(
            [_weighted_sum(out, memory_format) for out in results.values()]
        ).sum().backward()
    results = {name: out.detach() for name, out in results.items()}
    named_leaves = {f"input {number}": leaf for number, leaf in enumerate(leaves)}
    for name, leaf in {**named_leaves, **dict(module.named_parameters())}.items():
        if leaf.grad is not None:
            results[f"gradient of {name}"] = leaf.grad
    return results


def _weighted_sum(out: Tensor, memory_format: torch.memory_format) -> Tensor:
    weights = torch.randn(out.shape, dtype=torch.float64)
    if out.dim() == 4:
        weights = weights.contiguous(memory_format=memory_format)
    return (out.double() * weights).sum()
