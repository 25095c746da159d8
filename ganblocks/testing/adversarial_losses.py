"""The contract of adversarial losses."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from ganblocks.losses.adversarial import AdversarialLoss
from ganblocks.losses.logits import Logits
from ganblocks.testing.contract import (
    Tester,
    gradient_of,
    require,
    require_same,
    require_scalar,
    unchanged,
)
from ganblocks.testing.graphs import require_compiles
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded

Player = Callable[[Logits, Logits], Tensor]
"""A player's loss, as a function of real and fake logits."""

_GOALS = (
    ("discriminator", "real", 1.0),
    ("discriminator", "fake", -1.0),
    ("generator", "fake", 1.0),
)
"""Which logits each player raises (1) or lowers (-1)."""


class AdversarialLossTester(Tester[AdversarialLoss]):
    """Tests an adversarial loss."""

    kind = "adversarial losses"
    options = ("backend",)

    def behavior(self, component: AdversarialLoss) -> Tensors:
        """Returns the losses of both players."""
        return _losses(component, *_logits(2, 1, 3, 4))

    def scalar(self) -> None:
        """Both losses are finite float32 scalars, for logits of any shape, lists and bfloat16."""
        real_maps, fake_maps = _maps((2, 1, 4, 5), (2, 1, 2, 3))
        cases: dict[str, tuple[Logits, Logits]] = {
            "a map": _logits(2, 1, 3, 4),
            "a vector": _logits(5),
            "a single number": _logits(),
            "a list of maps": (real_maps, fake_maps),
            "a tuple of maps": (tuple(real_maps), tuple(fake_maps)),
            "bfloat16": tuple(x.bfloat16() for x in _logits(2, 1, 3, 4)),  # type: ignore[dict-item]
        }
        for case, (real, fake) in cases.items():
            for name, loss in _losses(self.make(), real, fake).items():
                require_scalar(loss, f"for {case} {name}")

    def scales(self) -> None:
        """The order of the scales does not matter, and a list of one map equals the map."""
        real, fake = _maps((2, 1, 6, 5), (2, 1, 3, 4), (2, 1, 1, 1))
        component = self.make()
        reverse = _losses(component, real[::-1], fake[::-1])
        require_same(reverse, _losses(component, real, fake), "in another order ")
        single = _losses(component, real[:1], fake[:1])
        require_same(single, _losses(component, real[0], fake[0]), "for a list of one map ")

    def reduction(self) -> None:
        """If the constructor takes `reduction`, a sum is the mean times the number of logits."""
        component = self.make()
        if "reduction" not in inspect.signature(type(component)).parameters:
            return
        real, fake = _logits(2, 1, 3, 4)
        component.reduction = "mean"
        means = _losses(component, real, fake)
        component.reduction = "sum"
        where = f'with reduction="sum", compared with {real.numel()} times the mean, '
        expected = {name: real.numel() * mean for name, mean in means.items()}
        require_same(_losses(component, real, fake), expected, where, 1e-4)

    def generator_alone(self) -> None:
        """The generator's loss needs no real logits, unless declared, as by relativistic losses."""
        _, fake = _logits(2, 1, 3, 4)
        self.make().generator(fake)

    def gradients(self) -> None:
        """The discriminator gets gradients from real and fake logits, the generator from fake ones.

        Every image of the batch has a gradient, at more than half of its logits.
        """
        for sizes in ([(2, 1, 3, 4)], [(2, 1, 4, 5), (2, 1, 2, 3)]):
            for who, player in _players(self.make()).items():
                real, fake = _maps(*sizes)
                for x in (*real, *fake):
                    x.requires_grad_()
                loss = player(real, fake) if len(sizes) > 1 else player(real[0], fake[0])
                require(loss.requires_grad, f"the {who}'s loss is detached from the logits")
                loss.backward()
                logits = {"real": real, "fake": fake} if who == "discriminator" else {"fake": fake}
                for side, maps in logits.items():
                    for x in maps:
                        _require_gradients(x, who, side)

    def no_saturation(self) -> None:
        """Every wrong logit gets a gradient, without clamping or saturation.

        The gradient is at least a thousandth of the gradient near 0.
        """
        for distance in (20.0, 100.0):
            for who, side, goal in _GOALS:
                player = _players(self.make())[who]
                logits = dict(zip(("real", "fake"), _leaves(2, 1, 3, 4), strict=True))
                player(logits["real"], logits["fake"]).backward()
                near = gradient_of(logits[side]).abs().sum()
                # The other side's logits stay near 0.
                wrong = -goal * distance
                logits[side] = torch.full((2, 1, 3, 4), wrong, requires_grad=True)
                player(logits["real"], logits["fake"]).backward()
                require(
                    gradient_of(logits[side]).abs().sum() > 1e-3 * near,
                    f"{side} logits at {wrong:g} give the {who} no gradient",
                )

    def direction(self) -> None:
        """A gradient step of D raises real and lowers fake logits; one of G raises fake logits.

        G's step is taken at fake logits around -3, which D has recognized.
        """
        for who, side, goal in _GOALS:
            # D starts halfway between the usual targets 0 and 1.
            centers = (0.5, 0.5 if who == "discriminator" else -3.0)
            pair = zip(centers, _logits(2, 1, 6, 5), strict=True)
            real, fake = ((center + 0.1 * x).requires_grad_() for center, x in pair)
            _players(self.make())[who](real, fake).backward()
            logits = real if side == "real" else fake
            step = 0.0 if logits.grad is None else -logits.grad.mean().item()
            require(
                goal * step > 0,
                f"a step of the {who} moves the mean of {side} logits by {step:.2g}",
            )

    def only_computes(self) -> None:
        """Computing the losses leaves the logits, their gradients and the object unchanged."""
        component = self.make()
        before = pickle.dumps(component)
        real, fake = _leaves(2, 1, 3, 4)
        with unchanged({"real logits": real, "fake logits": fake}):
            for who, player in _players(component).items():
                first, second = player(real * 1, fake * 1), player(real, fake)
                require(first == second, f"called twice, the {who}'s loss differs")
        require(pickle.dumps(component) == before, "the loss object has changed afterwards")

    def gradcheck(self) -> None:
        """In float64 the gradients agree with finite differences."""
        for player in _players(self.make()).values():
            points = [x.double().detach().requires_grad_() for x in _logits(2, 1, 3, 2)]
            torch.autograd.gradcheck(player, points)

    def compile_(self) -> None:
        """torch.compile leaves the losses and their gradients unchanged."""
        for who, player in _players(self.make()).items():
            require_compiles(player, _logits(2, 1, 3, 4), self.backend, f"for the {who} ")

    checks = (
        *(scalar, scales, reduction, generator_alone, gradients, no_saturation, direction),
        *(only_computes, gradcheck, copy_, pickle_, spec, compile_),
    )


def _players(loss: AdversarialLoss) -> dict[str, Player]:
    return {
        "discriminator": loss.discriminator,
        "generator": lambda real, fake: loss.generator(fake, real),
    }


def _losses(component: AdversarialLoss, real: Logits, fake: Logits) -> Tensors:
    players = _players(component)
    return {f"the {who}'s loss": player(real, fake) for who, player in players.items()}


def _logits(*shape: int) -> tuple[Tensor, Tensor]:
    with seeded(9):
        return torch.randn(shape), torch.randn(shape)


def _maps(*shapes: tuple[int, ...]) -> tuple[list[Tensor], list[Tensor]]:
    pairs = [_logits(*shape) for shape in shapes]
    return [real for real, _ in pairs], [fake for _, fake in pairs]


def _leaves(*shape: int) -> tuple[Tensor, Tensor]:
    real, fake = _logits(*shape)
    return real.requires_grad_(), fake.requires_grad_()


def _require_gradients(x: Tensor, who: str, side: str) -> None:
    gradient = gradient_of(x).abs()
    has_gradient = gradient > 1e-6 * gradient.max()
    require(has_gradient.any(), f"the {who} gets no gradient from {side} logits")
    for number, image in enumerate(has_gradient):
        require(
            image.float().mean() > 0.5,
            f"the {who} gets a gradient from {int(image.sum())} of the {image.numel()} {side} "
            f"logits of image {number}",
        )
