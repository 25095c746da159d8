"""The contract of penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganblocks.errors import ShapeError
from ganblocks.losses.penalties import Penalty
from ganblocks.testing.contract import Check, Subject, demand, run_checks
from ganblocks.testing.keeping import copy_, pickle_, spec, state_dict
from ganblocks.testing.networks import Size
from ganblocks.testing.tensors import Tensors, difference, seeded


class _Critic(nn.Module):
    """A smooth critic on a condition of 2 channels and an image of 3, with one scale or two."""

    def __init__(self, channels: int = 5, *, scales: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 1, 3)
        self.scales = scales

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        maps = [
            self.last(nn.functional.softplus(self.first(x[..., :: 1 + s, :: 1 + s])))
            for s in range(self.scales)
        ]
        return maps if self.scales > 1 else maps[0]


@dataclass(frozen=True)
class Penalising(Subject[Penalty]):
    """A penalty under test.

    Attributes:
        make: Builds a fresh one.
        size: Height and width of the images.
        kind: The registry's kind.
    """

    make: Callable[[], Penalty]
    size: Size = (9, 8)
    kind: str = "penalties"

    def images(self) -> tuple[Tensor, Tensor, Tensor]:
        """Makes real images, fake ones, and conditions."""
        with seeded(15):
            return (
                torch.randn(3, 3, *self.size),
                torch.randn(3, 3, *self.size) + 0.5,
                torch.randn(3, 2, *self.size),
            )

    def behaviour(self, component: Penalty) -> Tensors:
        """Gives the penalty of an example under one seed."""
        return {"the penalty": _of(component, _critic(), *self.images()).detach()}

    def used(self) -> Penalty:
        """Makes one that has been called, for those that remember."""
        component = self.make()
        _of(component, _critic(), *self.images())
        return component


def scalar(subject: Penalising) -> None:
    """It is a finite float32 scalar, with and without a condition, for one scale and several."""
    real, fake, condition = subject.images()
    cases: dict[str, tuple[nn.Module, Tensor | None]] = {
        "a condition": (_critic(), condition),
        "no condition": (_critic(3), None),
        "two scales": (_critic(scales=2), condition),
    }
    for case, (critic, known) in cases.items():
        value = _of(subject.make(), critic, real, fake, known)
        demand(
            value.shape == () and value.dtype == torch.float32,
            f"with {case} it is {value.dtype} of shape {tuple(value.shape)}",
        )
        demand(bool(value.isfinite()), f"with {case} it is {value.item()}")
        alone = _of(subject.make(), critic, real, fake, known)
        demand(bool(value == alone), f"with {case} it differs under one seed")


def gradients(subject: Penalising) -> None:
    """It teaches the discriminator, and neither the generator nor what made the condition."""
    critic = _critic()
    images = [x.requires_grad_() for x in subject.images()]
    value = _of(subject.make(), critic, *images)
    demand(value.requires_grad, "it is cut off from the discriminator")
    value.backward()
    taught = critic.first.weight.grad
    demand(
        taught is not None and bool(taught.isfinite().all()) and bool((taught != 0).any()),
        "the discriminator's first weights get no finite gradient",
    )
    for name, x in zip(("real", "fake", "condition"), images, strict=True):
        demand(x.grad is None, f"a gradient reaches the {name} images")


def mismatch(subject: Penalising) -> None:
    """Real and fake images of different shapes raise a ShapeError, and are not broadcast."""
    real, fake, condition = subject.images()
    for other in (fake[:1], fake[..., 1:]):
        try:
            subject.make()(_critic(), real, other, condition)
        except ShapeError:
            continue
        demand(False, f"{tuple(real.shape)} and {tuple(other.shape)} raise nothing")


def only_computes(subject: Penalising) -> None:
    """Computing changes neither images, nor gradients, nor discriminator, nor its own state."""
    component, critic, images = subject.make(), _critic(), subject.images()
    copies = [x.clone() for x in images]
    states = [
        (n, m, {k: t.clone() for k, t in m.state_dict().items()})
        for n, m in (("the discriminator's state", critic), ("its own state", component))
    ]
    _of(component, critic, *images)
    for x, copy in zip(images, copies, strict=True):
        demand(torch.equal(x, copy), "the images were written to")
        demand(not x.requires_grad, "the caller's images now require a gradient")
    demand(all(p.grad is None for p in critic.parameters()), "it ran backward")
    for name, module, before in states:
        off = difference(module.state_dict(), before, 0)
        demand(not off, f"of {name} {off}")


def gradcheck(subject: Penalising) -> None:
    """In float64 what it teaches the discriminator agrees with finite differences."""
    critic, component = _critic().double(), subject.make().double().eval()
    images = [x.double() for x in subject.images()]
    names = [name for name, _ in critic.named_parameters()]

    def of(*parameters: Tensor) -> Tensor:
        weights = dict(zip(names, parameters, strict=True))
        return _of(component, lambda x: functional_call(critic, weights, (x,)), *images)

    parameters = [p.detach().requires_grad_() for p in critic.parameters()]
    # The penalty may not depend on the last bias: allowed. It raises where they disagree.
    torch.autograd.gradcheck(of, parameters, fast_mode=True)


PENALTY_CHECKS: tuple[Check, ...] = (
    scalar,
    gradients,
    mismatch,
    only_computes,
    gradcheck,
    copy_,
    pickle_,
    spec,
    state_dict,
)


def check_penalty(
    factory: Callable[[], Penalty],
    *,
    size: Size = (9, 8),
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a penalty keeps the contract of penalties.

    Args:
        factory: Builds a fresh penalty.
        size: Height and width of the images.
        only: Names of the checks to run, from `checks_of("penalty")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import R1Penalty
        >>> check_penalty(R1Penalty, only=["gradients", "gradcheck"])
    """
    run_checks(Penalising(factory, size), PENALTY_CHECKS, only)


def _critic(channels: int = 5, *, scales: int = 1) -> _Critic:
    with seeded(16):
        return _Critic(channels, scales=scales)


def _of(
    component: Penalty,
    critic: Callable[[Tensor], Tensor | list[Tensor]],
    real: Tensor,
    fake: Tensor,
    condition: Tensor | None,
) -> Tensor:
    with seeded(17):
        value: Tensor = component(critic, real, fake, condition)
    return value
