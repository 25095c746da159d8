"""The contracts of reconstruction losses and of feature losses."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from ganblocks.testing.contract import (
    Tester,
    gradient_of,
    require,
    require_same_shapes,
    require_scalar,
    unchanged,
)
from ganblocks.testing.graphs import require_compiles
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


class ReconstructionLossTester(Tester[nn.Module]):
    """Tests a reconstruction loss."""

    kind = "reconstruction losses"
    options = ("size", "backend")

    def images(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Returns an output and a target that differ at every value, away from kinks."""
        with seeded(10):
            output = torch.rand(2, 3, *self.size) - 0.5
            distance = 0.1 + 0.4 * torch.rand_like(output)
            target = output + distance * (torch.rand_like(output) - 0.5).sign()
        return output.to(dtype), target.to(dtype)

    def loss(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Returns a component's loss of an output and a target."""
        value: Tensor = component(output, target)
        return value

    def behavior(self, component: nn.Module) -> Tensors:
        """Returns the loss of an example."""
        return {"the loss": self.loss(component, *self.images()).detach()}

    def scalar(self) -> None:
        """The loss of (B, C, H, W) images is a finite float32 scalar, also for bfloat16 images."""
        for dtype in (torch.float32, torch.bfloat16):
            require_scalar(self.loss(self.make(), *self.images(dtype)), f"for {dtype} it")

    def minimum(self) -> None:
        """The loss is 0 for equal images, and positive for others."""
        component = self.make()
        output, target = self.images()
        equal = self.loss(component, output, output.clone()).item()
        require(abs(equal) < 1e-6, f"for equal images it is {equal:.4g}")
        for name, other in {"different": target, "similar": output + 0.01 * target}.items():
            value = self.loss(component, output, other).item()
            require(value > max(equal, 0.0), f"for {name} images it is {value:.4g}")

    def mismatch(self) -> None:
        """Images of different shapes raise a ShapeError, and are not broadcast."""
        output, target = self.images()
        others = (target[:1], target[:, :1], target[..., :1])
        require_same_shapes(partial(self.loss, self.make()), output, *others)

    def gradients(self) -> None:
        """The output's gradient is finite for equal images too, and nonzero for others."""
        output, target = self.images()
        for case, other in {"different": target, "equal": output.clone()}.items():
            x = output.clone().requires_grad_()
            loss = self.loss(self.make(), x, other)
            require(loss.requires_grad, "the loss is detached from the output")
            loss.backward()
            gradient = gradient_of(x, f"for {case} images the gradient")
            if case == "different":
                for number, image in enumerate(gradient):
                    require(image.any(), f"at image {number} of the batch the gradient is zero")

    def only_computes(self) -> None:
        """A call leaves the images, their gradients and the loss's state unchanged."""
        component = self.make()
        output, target = self.images()
        output.requires_grad_()
        with unchanged({"the output": output, "the target": target}, loss=component):
            first, second = (self.loss(component, output, target) for _ in range(2))
        require(first == second, "two calls return different values")

    def gradcheck(self) -> None:
        """In float64, away from kinks, the gradient agrees with finite differences."""
        output, target = self.images(torch.float64)
        component = self.make().double()

        def scaled(x: Tensor) -> Tensor:
            # The gradients of a mean of n values are of order 1 / n, within gradcheck's tolerance.
            return self.loss(component, x, target) * x.numel()

        torch.autograd.gradcheck(scaled, [output.requires_grad_()], fast_mode=True)

    def compile_(self) -> None:
        """torch.compile leaves the loss and its gradient unchanged."""
        require_compiles(partial(self.loss, self.make()), self.images(), self.backend)

    checks = (
        *(scalar, minimum, mismatch, gradients, only_computes, gradcheck),
        *(copy_, pickle_, spec, state_dict, compile_),
    )


class _Features(nn.Module):
    """Returns two smooth maps and one-channel logits, like a discriminator's `features`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3) for i, o in ((3, 4), (4, 5), (5, 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = [x.to(next(self.parameters()).dtype)]
        for layer in self.layers:
            maps.append(nn.functional.softplus(layer(maps[-1])))
        return tuple(maps[1:])


class FeatureLossTester(ReconstructionLossTester):
    """Tests a feature loss, with a small feature network for losses without their own."""

    kind = "feature losses"

    def loss(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Returns a component's loss of an output and a target, and their features."""
        with seeded(18):
            features = _Features()
        if output.dtype == torch.float64:
            features = features.double()
        value: Tensor = component(output, target, features.requires_grad_(False))
        return value
