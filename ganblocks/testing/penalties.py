"""The contract of penalties."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganblocks.errors import ShapeError
from ganblocks.losses import Penalty
from ganblocks.testing.contract import Subject, require, require_raises, require_scalar, unchanged
from ganblocks.testing.networks import Size
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


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


class Penalizing(Subject[Penalty]):
    """A penalty under test."""

    kind = "penalties"

    def __init__(self, make: Callable[[], Penalty], *, size: Size = (9, 8)) -> None:
        super().__init__(make)
        self.size = size

    def images(self) -> tuple[Tensor, Tensor, Tensor]:
        """Makes real images, fake ones, and conditions."""
        with seeded(15):
            return (
                torch.randn(3, 3, *self.size),
                torch.randn(3, 3, *self.size) + 0.5,
                torch.randn(3, 2, *self.size),
            )

    def behavior(self, component: Penalty) -> Tensors:
        """Returns the penalty of an example under one seed."""
        return {"the penalty": _of(component, _critic(), *self.images()).detach()}

    def used(self) -> Penalty:
        """Makes one that has been called, for those that remember."""
        component = self.make()
        _of(component, _critic(), *self.images())
        return component

    def scalar(self) -> None:
        """It is a finite float32 scalar, with and without a condition, for one scale or several."""
        real, fake, condition = self.images()
        cases: dict[str, tuple[nn.Module, Tensor | None]] = {
            "a condition": (_critic(), condition),
            "no condition": (_critic(3), None),
            "two scales": (_critic(scales=2), condition),
        }
        for case, (critic, known) in cases.items():
            value = _of(self.make(), critic, real, fake, known)
            require_scalar(value, f"with {case} it")
            alone = _of(self.make(), critic, real, fake, known)
            require(bool(value == alone), f"with {case} it differs under one seed")

    def gradients(self) -> None:
        """It teaches the discriminator, and neither the generator nor what made the condition."""
        critic = _critic()
        images = [x.requires_grad_() for x in self.images()]
        value = _of(self.make(), critic, *images)
        require(value.requires_grad, "it is cut off from the discriminator")
        value.backward()
        taught = critic.first.weight.grad
        require(
            taught is not None and bool(taught.isfinite().all()) and bool((taught != 0).any()),
            "the discriminator's first weights get no finite gradient",
        )
        for name, x in zip(("real", "fake", "condition"), images, strict=True):
            require(x.grad is None, f"a gradient reaches the {name} images")

    def mismatch(self) -> None:
        """Real and fake images of different shapes raise a ShapeError, and are not broadcast."""
        real, fake, condition = self.images()
        for other in (fake[:1], fake[..., 1:]):
            seen = f"a pair of {tuple(real.shape)} and {tuple(other.shape)}"
            require_raises(ShapeError, self.make(), _critic(), real, other, condition, seen=seen)

    def only_computes(self) -> None:
        """Computing changes neither images, nor gradients, nor discriminator, nor its own state."""
        component, critic, images = self.make(), _critic(), self.images()
        named = dict(zip(("real images", "fake images", "the condition"), images, strict=True))
        with unchanged(named, {"the discriminator": critic, "its own state": component}):
            _of(component, critic, *images)

    def gradcheck(self) -> None:
        """In float64 what it teaches the discriminator agrees with finite differences."""
        critic, component = _critic().double(), self.make().double().eval()
        images = [x.double() for x in self.images()]
        names = [name for name, _ in critic.named_parameters()]

        def of(*parameters: Tensor) -> Tensor:
            weights = dict(zip(names, parameters, strict=True))
            return _of(component, lambda x: functional_call(critic, weights, (x,)), *images)

        parameters = [p.detach().requires_grad_() for p in critic.parameters()]
        # The penalty may not depend on the last bias: allowed. It raises where they disagree.
        torch.autograd.gradcheck(of, parameters, fast_mode=True)

    checks = (
        *(scalar, gradients, mismatch, only_computes, gradcheck),
        *(copy_, pickle_, spec, state_dict),
    )


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
