"""The contract of reconstruction losses, and of feature losses, which have features at hand."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.testing.contract import (
    Subject,
    require,
    require_finite,
    require_raises,
    require_scalar,
    unchanged,
)
from ganblocks.testing.graphs import require_compiles
from ganblocks.testing.networks import EAGER, Size
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


class Reconstruction(Subject[nn.Module]):
    """A reconstruction loss under test."""

    kind = "reconstruction losses"

    def __init__(
        self, make: Callable[[], nn.Module], *, size: Size = (16, 16), backend: str = EAGER
    ) -> None:
        super().__init__(make)
        self.size = size
        self.backend = backend

    def images(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Makes an output and a target that differ in every value, so that no kink is near."""
        with seeded(10):
            output = torch.rand(2, 3, *self.size) - 0.5
            by = 0.1 + 0.4 * torch.rand_like(output)
            target = output + by * (torch.rand_like(output) - 0.5).sign()
        return output.to(dtype), target.to(dtype)

    def call(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Applies a component to an output and a target."""
        value: Tensor = component(output, target)
        return value

    def behavior(self, component: nn.Module) -> Tensors:
        """Returns the loss of an example."""
        return {"the loss": self.call(component, *self.images()).detach()}

    def scalar(self) -> None:
        """Output and target (B, C, H, W) give a finite float32 scalar, for bfloat16 images too."""
        for dtype in (torch.float32, torch.bfloat16):
            require_scalar(self.call(self.make(), *self.images(dtype)), f"for {dtype} it")

    def minimum(self) -> None:
        """It is 0 for equal images, and positive for others."""
        component = self.make()
        output, target = self.images()
        equal = self.call(component, output, output.clone()).item()
        require(abs(equal) < 1e-6, f"for equal images it is {equal:.4g}")
        for name, other in {"other": target, "a little other": output + 0.01 * target}.items():
            value = self.call(component, output, other).item()
            require(value > max(equal, 0.0), f"for {name} images it is {value:.4g}")

    def mismatch(self) -> None:
        """Images of different shapes raise a ShapeError, and are not broadcast."""
        output, target = self.images()
        for other in (target[:1], target[:, :1], target[..., :1]):
            seen = f"a pair of {tuple(output.shape)} and {tuple(other.shape)}"
            require_raises(ShapeError, self.call, self.make(), output, other, seen=seen)

    def gradients(self) -> None:
        """The output's gradient is finite, for equal images too; for others no image's is zero."""
        output, target = self.images()
        for case, other in {"different": target, "equal": output.clone()}.items():
            x = output.clone().requires_grad_()
            value = self.call(self.make(), x, other)
            require(value.requires_grad, "the loss is cut off from the output")
            value.backward()
            gradient = torch.zeros_like(x) if x.grad is None else x.grad
            require_finite(gradient, f"for {case} images the gradient")
            if case == "different":
                for number, taught in enumerate(gradient.abs().sum((1, 2, 3)) > 0):
                    require(bool(taught), f"at image {number} of the batch the gradient is zero")

    def only_computes(self) -> None:
        """Computing changes neither the images, nor their gradients, nor the loss's state."""
        component = self.make()
        output, target = self.images()
        output.requires_grad_()
        with unchanged({"the output": output, "the target": target}, {"its state": component}):
            first, second = (self.call(component, output, target) for _ in range(2))
        require(bool(first == second), "called twice, it gives two values")

    def gradcheck(self) -> None:
        """In float64, and away from kinks, the gradient agrees with finite differences."""
        output, target = self.images(torch.float64)
        component = self.make().double()

        def scaled(x: Tensor) -> Tensor:
            # The mean over n values has gradients of 1 / n, which the tolerance would let pass.
            return self.call(component, x, target) * x.numel()

        torch.autograd.gradcheck(
            scaled, [output.requires_grad_()], fast_mode=True
        )  # raises where they disagree

    def compile_(self) -> None:
        """torch.compile changes neither the loss nor its gradient."""
        component = self.make()

        def call(output: Tensor, target: Tensor) -> Tensor:
            return self.call(component, output, target)

        require_compiles(call, self.images(), self.backend)

    checks = (
        *(scalar, minimum, mismatch, gradients, only_computes, gradcheck),
        *(copy_, pickle_, spec, state_dict, compile_),
    )


class _Features(nn.Module):
    """Two smooth maps and one-channel logits, as a discriminator gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3) for i, o in ((3, 4), (4, 5), (5, 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = []
        x = x.to(next(self.parameters()).dtype)
        for layer in self.layers:
            x = nn.functional.softplus(layer(x))
            maps.append(x)
        return tuple(maps)


class Featured(Reconstruction):
    """A feature loss under test; one without features of its own is given some."""

    kind = "feature losses"

    def call(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Applies a component to an output and a target, with features at hand."""
        with seeded(18):
            features = _Features()
        if output.dtype == torch.float64:
            features = features.double()
        value: Tensor = component(output, target, features.requires_grad_(False))
        return value
