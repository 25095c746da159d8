"""The contract of penalties."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganblocks.losses import Penalty
from ganblocks.testing.contract import (
    Tester,
    gradient_of,
    require,
    require_same_shapes,
    require_scalar,
    unchanged,
)
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


class _Critic(nn.Module):
    """A smooth critic of one or two scales; by default for 2 condition and 3 image channels."""

    def __init__(self, channels: int = 5, *, scales: int = 1) -> None:
        super().__init__()
        with seeded(16):
            self.first = nn.Conv2d(channels, 4, 3, padding=1)
            self.last = nn.Conv2d(4, 1, 3)
        self.scales = scales

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        maps = [
            self.last(nn.functional.softplus(self.first(x[..., :: 1 + s, :: 1 + s])))
            for s in range(self.scales)
        ]
        return maps if self.scales > 1 else maps[0]


class PenaltyTester(Tester[Penalty]):
    """Tests a penalty."""

    kind = "penalties"
    options = ("size",)
    default_size = (9, 8)

    def images(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns real images, fake images, and conditions."""
        with seeded(15):
            return (
                torch.randn(3, 3, *self.size),
                torch.randn(3, 3, *self.size) + 0.5,
                torch.randn(3, 2, *self.size),
            )

    def behavior(self, component: Penalty) -> Tensors:
        """Returns the penalty of an example under one seed."""
        return {"the penalty": _penalty(component, _Critic(), *self.images()).detach()}

    def scalar(self) -> None:
        """It is a finite float32 scalar, with or without a condition, for one or several scales."""
        real, fake, condition = self.images()
        cases: dict[str, tuple[nn.Module, Tensor | None]] = {
            "a condition": (_Critic(), condition),
            "no condition": (_Critic(3), None),
            "two scales": (_Critic(scales=2), condition),
        }
        for case, (critic, given) in cases.items():
            first, second = (_penalty(self.make(), critic, real, fake, given) for _ in range(2))
            require_scalar(first, f"with {case} it")
            require(first == second, f"with {case} it differs under the same seed")

    def gradients(self) -> None:
        """The discriminator gets a gradient; the images and the condition get none."""
        critic = _Critic()
        images = [x.requires_grad_() for x in self.images()]
        penalty = _penalty(self.make(), critic, *images)
        require(penalty.requires_grad, "it is detached from the discriminator")
        penalty.backward()
        gradient = gradient_of(critic.first.weight)
        require(gradient.any(), "the discriminator's first weights get no gradient")
        for name, x in zip(("real", "fake", "condition"), images, strict=True):
            require(x.grad is None, f"a gradient reaches the {name} images")

    def mismatch(self) -> None:
        """Real and fake images of different shapes raise a ShapeError, and are not broadcast."""
        real, fake, condition = self.images()
        component, critic = self.make(), _Critic()
        require_same_shapes(
            lambda x, y: component(critic, x, y, condition), real, fake[:1], fake[..., 1:]
        )

    def only_computes(self) -> None:
        """A call leaves images, gradients, the discriminator and its state unchanged."""
        component, critic, images = self.make(), _Critic(), self.images()
        named = dict(zip(("real images", "fake images", "the condition"), images, strict=True))
        with unchanged(named, discriminator=critic, penalty=component):
            _penalty(component, critic, *images)

    def gradcheck(self) -> None:
        """In float64 the gradients of the discriminator agree with finite differences."""
        critic, component = _Critic().double(), self.make().double().eval()
        images = [x.double() for x in self.images()]
        names = [name for name, _ in critic.named_parameters()]

        def penalty(*parameters: Tensor) -> Tensor:
            weights = dict(zip(names, parameters, strict=True))
            return _penalty(component, lambda x: functional_call(critic, weights, (x,)), *images)

        parameters = [p.detach().requires_grad_() for p in critic.parameters()]
        torch.autograd.gradcheck(penalty, parameters, fast_mode=True)

    checks = (
        *(scalar, gradients, mismatch, only_computes, gradcheck),
        *(copy_, pickle_, spec, state_dict),
    )


def _penalty(
    component: Penalty,
    critic: Callable[[Tensor], Tensor | list[Tensor]],
    real: Tensor,
    fake: Tensor,
    condition: Tensor | None,
) -> Tensor:
    with seeded(17):
        value: Tensor = component(critic, real, fake, condition)
    return value
