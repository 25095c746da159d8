"""The contract of reconstruction losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.testing.contract import Check, Subject, demand, run_checks
from ganblocks.testing.graphs import compiled
from ganblocks.testing.keeping import copy_, pickle_, spec, state_dict
from ganblocks.testing.networks import EAGER, Size, outputs_and_gradients
from ganblocks.testing.tensors import Tensors, difference, seeded


@dataclass(frozen=True)
class Reconstruction(Subject[nn.Module]):
    """A reconstruction loss under test.

    Attributes:
        make: Builds a fresh one.
        size: Height and width of the images.
        backend: Backend of torch.compile that `compile` uses.
        kind: The registry's kind.
    """

    make: Callable[[], nn.Module]
    size: Size = (16, 16)
    backend: str = EAGER
    kind: str = "reconstruction losses"

    def images(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Makes an output and a target that differ in every value, so that no kink is near."""
        with seeded(10):
            output = torch.rand(2, 3, *self.size) - 0.5
            by = 0.1 + 0.4 * torch.rand_like(output)
            target = output + by * (torch.rand_like(output) - 0.5).sign()
        return output.to(dtype), target.to(dtype)

    def call(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Gives what a component makes of an output and a target."""
        value: Tensor = component(output, target)
        return value

    def behaviour(self, component: nn.Module) -> Tensors:
        """Gives the loss of an example."""
        return {"the loss": self.call(component, *self.images()).detach()}


def scalar(loss: Reconstruction) -> None:
    """Output and target (B, C, H, W) give a finite float32 scalar, for bfloat16 images too."""
    for dtype in (torch.float32, torch.bfloat16):
        value = loss.call(loss.make(), *loss.images(dtype))
        demand(
            value.shape == () and value.dtype == torch.float32,
            f"for {dtype} it gives {value.dtype} of shape {tuple(value.shape)}",
        )
        demand(bool(value.isfinite()), f"for {dtype} it gives {value.item()}")


def minimum(loss: Reconstruction) -> None:
    """It is 0 for equal images, and positive for others."""
    component = loss.make()
    output, target = loss.images()
    equal = loss.call(component, output, output.clone()).item()
    demand(abs(equal) < 1e-6, f"for equal images it is {equal:.4g}")
    for name, other in {"other": target, "a little other": output + 0.01 * target}.items():
        value = loss.call(component, output, other).item()
        demand(value > max(equal, 0.0), f"for {name} images it is {value:.4g}")


def mismatch(loss: Reconstruction) -> None:
    """Images of different shapes raise a ShapeError, and are not broadcast."""
    output, target = loss.images()
    for other in (target[:1], target[:, :1], target[..., :1]):
        try:
            loss.call(loss.make(), output, other)
        except ShapeError:
            continue
        shapes = f"{tuple(output.shape)} and {tuple(other.shape)}"
        demand(False, f"{shapes} raise nothing")


def gradients(loss: Reconstruction) -> None:
    """The output's gradient is finite, for equal images too; for others no image has a zero one."""
    output, target = loss.images()
    for case, other in {"different": target, "equal": output.clone()}.items():
        x = output.clone().requires_grad_()
        value = loss.call(loss.make(), x, other)
        demand(value.requires_grad, "the loss is cut off from the output")
        value.backward()
        gradient = torch.zeros_like(x) if x.grad is None else x.grad
        demand(bool(gradient.isfinite().all()), f"for {case} images the gradient is not finite")
        if case == "different":
            for number, taught in enumerate(gradient.abs().sum((1, 2, 3)) > 0):
                demand(bool(taught), f"at image {number} of the batch the gradient is zero")


def only_computes(loss: Reconstruction) -> None:
    """Computing changes nothing: neither the images, nor their gradients, nor the loss's state."""
    component = loss.make()
    before = {name: t.clone() for name, t in component.state_dict().items()}
    output, target = loss.images()
    copies = (output.clone(), target.clone())
    output.requires_grad_()
    first, second = (loss.call(component, output, target) for _ in range(2))
    demand(bool(first == second), "called twice, it gives two values")
    for name, x, copy in zip(("output", "target"), (output, target), copies, strict=True):
        demand(x._version == 0 and torch.equal(x, copy), f"the {name} was written to")
        demand(x.grad is None, f"it ran backward: the {name} has a gradient")
    off = difference(component.state_dict(), before, 0)
    demand(not off, f"of its state {off}")


def gradcheck(loss: Reconstruction) -> None:
    """In float64, and away from kinks, the gradient agrees with finite differences."""
    output, target = loss.images(torch.float64)
    component = loss.make().double()

    def scaled(x: Tensor) -> Tensor:
        # The mean over n values has gradients of 1 / n, which the tolerance would let pass.
        return loss.call(component, x, target) * x.numel()

    torch.autograd.gradcheck(
        scaled, [output.requires_grad_()], fast_mode=True
    )  # raises where they disagree


def compile_(loss: Reconstruction) -> None:
    """torch.compile changes neither the loss nor its gradient."""
    component, images = loss.make(), loss.images()

    def call(output: Tensor, target: Tensor) -> Tensor:
        return loss.call(component, output, target)

    expected = outputs_and_gradients(nn.Module(), images, call)
    with compiled(call, loss.backend) as run:
        off = difference(outputs_and_gradients(nn.Module(), images, run), expected, 1e-5)
    demand(not off, off)


RECONSTRUCTION_LOSS_CHECKS: tuple[Check, ...] = (
    scalar,
    minimum,
    mismatch,
    gradients,
    only_computes,
    gradcheck,
    copy_,
    pickle_,
    spec,
    state_dict,
    compile_,
)


def check_reconstruction_loss(
    factory: Callable[[], nn.Module],
    *,
    size: Size = (16, 16),
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a reconstruction loss keeps the contract of reconstruction losses.

    Args:
        factory: Builds a fresh loss.
        size: Height and width of the images, which have 3 channels.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("reconstruction loss")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import L1Loss
        >>> check_reconstruction_loss(L1Loss, only=["minimum", "gradcheck"])
    """
    run_checks(Reconstruction(factory, size, backend), RECONSTRUCTION_LOSS_CHECKS, only)
