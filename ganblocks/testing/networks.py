"""A module under test: its example inputs, and how its outputs and gradients are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError
from ganblocks.testing.contract import Subject, build, known_spec, require, require_finite
from ganblocks.testing.tensors import Tensors, named, seeded
from ganblocks.torch_classes import DropoutNd

Inputs = Callable[[int, int, int], tuple[Tensor, ...]]
"""Makes the example inputs of a module: `(batch, height, width) -> tensors`, batch first."""

Size = tuple[int, int]

EAGER = "aot_eager"
"""The backend of torch.compile that traces forward and backward and compiles nothing: fast."""


class Network(Subject[nn.Module]):
    """A module under test, with example inputs."""

    default_size: ClassVar[Size] = (6, 8)
    in_names: ClassVar[tuple[str, ...]] = ("in_channels",)
    out_names: ClassVar[tuple[str, ...]] = ("out_channels",)

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        size: Size | None = None,
        in_channels: int | None = None,
        out_channels: int | None = None,
        inputs: Inputs | None = None,
        backend: str = EAGER,
    ) -> None:
        super().__init__(make)
        if inputs is None:
            inputs = random_images(in_channels or known_number(make, *self.in_names))
        self.inputs = inputs
        self.size = size or self.default_size
        self.out_channels = out_channels or number_of(make, *self.out_names)  # None: unknown
        self.backend = backend

    def example(
        self, batch: int = 2, size: Size | None = None, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, ...]:
        """Makes example inputs, always the same ones."""
        with seeded(2):
            inputs = self.inputs(batch, *(size or self.size))
        return tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)

    def moved(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Makes a module in train mode whose parameters are a little off their initial values.

        A gain that starts at 0 would hide what lies behind it.
        """
        with seeded(3):
            network = self.make()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return network.to(dtype).train()

    def used(self) -> nn.Module:
        """Makes a module that was moved and has run once in train mode."""
        network = self.moved()
        outputs(network, self.example())
        return network

    def behavior(self, component: nn.Module) -> Tensors:
        """Returns the outputs in eval mode."""
        return outputs(component.eval(), self.example())


def random_images(channels: int) -> Inputs:
    """Makes the inputs of modules that take one image: uniform values in [-1, 1]."""
    return lambda batch, height, width: (2 * torch.rand(batch, channels, height, width) - 1,)


def number_of(factory: Callable[[], nn.Module], *names: str) -> int | None:
    """Reads a whole number from a component's attributes, or else from its spec."""
    component = build(factory)
    spec = known_spec(component)
    for name in names:
        value = getattr(component, name, spec.get(name))
        if isinstance(value, int):
            return value
    return None


def known_number(factory: Callable[[], nn.Module], *names: str) -> int:
    """Reads a whole number as `number_of` does, and asks for it where nobody knows it."""
    number = number_of(factory, *names)
    if number is None:
        raise OptionError(
            f"the component has neither an attribute {names[0]!r} nor a spec that tells it: "
            f"write {names[0]}=... in the call of the check"
        )
    return number


def outputs(network: Callable[..., Any], inputs: tuple[Tensor, ...], seed: int = 1) -> Tensors:
    """Runs a network without gradients under a seed."""
    with seeded(seed), torch.no_grad():
        return named(network(*inputs))


def without_dropout(module: nn.Module) -> nn.Module:
    """Turns off, in place, the dropout of a module, that of mode "always" too."""
    for child in module.modules():
        if isinstance(child, DropoutNd):
            child.p = 0.0
    return module


def require_image(
    network: Network, module: nn.Module, batch: int, given: Size, due: Size | None = None
) -> None:
    """Requires one finite float32 output of the size that is due, if any, for a given size."""
    found = outputs(module, network.example(batch, given))
    where = f"for an input of {given[0]}×{given[1]}, in {mode_of(module)} mode,"
    require(list(found) == ["output"], f"{where} it gives {list(found)} in place of one tensor")
    (out,) = found.values()
    require(out.dim() == 4 and out.numel() > 0, f"{where} it gives the shape {tuple(out.shape)}")
    wanted = (batch, network.out_channels or out.shape[1], *(due or out.shape[2:]))
    require(tuple(out.shape) == wanted, f"{where} it gives {tuple(out.shape)}, not {wanted}")
    require(out.dtype == torch.float32, f"{where} it gives {out.dtype} for a float32 input")
    require_finite(out, f"{where} its output")


def mode_of(module: nn.Module) -> str:
    """Names the mode of a module."""
    return "train" if module.training else "eval"


def outputs_and_gradients(
    network: nn.Module,
    inputs: Iterable[Tensor],
    run: Callable[..., Any] | None = None,
    layout: torch.memory_format = torch.contiguous_format,
) -> Tensors:
    """Runs a network forward and backward under a seed.

    What is differentiated weights every output value differently, so that errors do not cancel.
    `run` is called in the network's place, such as its compiled self; `layout` is the memory format
    of the gradients that come in from behind. A tensor on which nothing depends has no gradient.
    """
    leaves = [
        x.clone(memory_format=torch.preserve_format).requires_grad_(x.is_floating_point())
        for x in inputs
    ]
    network.zero_grad(set_to_none=True)
    with seeded(1):
        found = named((network if run is None else run)(*leaves))
    with seeded(4):
        torch.stack([_weighted_sum(out, layout) for out in found.values()]).sum().backward()
    found = {name: out.detach() for name, out in found.items()}
    parameters = {f"input {number}": leaf for number, leaf in enumerate(leaves)}
    for name, leaf in {**parameters, **dict(network.named_parameters())}.items():
        if leaf.grad is not None:
            found[f"gradient of {name}"] = leaf.grad
    return found


def _weighted_sum(out: Tensor, layout: torch.memory_format) -> Tensor:
    weights = torch.randn(out.shape, dtype=torch.float64)
    if out.dim() == 4:
        weights = weights.contiguous(memory_format=layout)
    return (out.double() * weights).sum()
