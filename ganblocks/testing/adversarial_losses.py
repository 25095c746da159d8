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
    Subject,
    require,
    require_finite,
    require_same,
    require_scalar,
    unchanged,
)
from ganblocks.testing.graphs import require_compiles
from ganblocks.testing.networks import EAGER
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded

Player = Callable[[Logits, Logits], Tensor]
"""What one side minimizes, as a function of the real logits and the fake ones."""


class Adversarial(Subject[AdversarialLoss]):
    """An adversarial loss under test."""

    kind = "adversarial losses"

    def __init__(self, make: Callable[[], AdversarialLoss], *, backend: str = EAGER) -> None:
        super().__init__(make)
        self.backend = backend

    def behavior(self, component: AdversarialLoss) -> Tensors:
        """Returns what each side would minimize."""
        real, fake = _logits(2, 1, 3, 4)
        return {who: player(real, fake) for who, player in _players(component).items()}

    def scalar(self) -> None:
        """Each side gets a finite float32 scalar, from logits of any shape, lists, and bfloat16."""
        maps = [_logits(2, 1, 4, 5), _logits(2, 1, 2, 3)]
        cases: dict[str, tuple[Logits, Logits]] = {
            "a map": _logits(2, 1, 3, 4),
            "a vector": _logits(5),
            "a single number": _logits(),
            "a list of maps": ([m[0] for m in maps], [m[1] for m in maps]),
            "a tuple of maps": (tuple(m[0] for m in maps), tuple(m[1] for m in maps)),
            "bfloat16": tuple(x.bfloat16() for x in _logits(2, 1, 3, 4)),  # type: ignore[dict-item]
        }
        for case, (real, fake) in cases.items():
            for who, player in _players(self.make()).items():
                require_scalar(player(real, fake), f"for {case} the {who}'s loss")

    def scales(self) -> None:
        """The order of the scales does not matter, and a list of one is the map itself."""
        maps = [_logits(2, 1, 6, 5), _logits(2, 1, 3, 4), _logits(2, 1, 1, 1)]
        real, fake = [m[0] for m in maps], [m[1] for m in maps]
        for who, player in _players(self.make()).items():
            for case, got, due in [
                ("in another order", player(real[::-1], fake[::-1]), player(real, fake)),
                ("as a list of one", player(real[:1], fake[:1]), player(real[0], fake[0])),
            ]:
                require_same({f"the {who}'s loss": got}, {f"the {who}'s loss": due}, f"{case} ")

    def reduction(self) -> None:
        """A reduction that the constructor takes is heeded: a sum is the mean times the logits."""
        component = self.make()
        if "reduction" not in inspect.signature(type(component)).parameters:
            return
        pair = _logits(2, 1, 3, 4)
        values: dict[str, dict[str, Tensor]] = {}
        for word in ("mean", "sum"):
            component.reduction = word
            values[word] = {who: player(*pair) for who, player in _players(component).items()}
        for who, total in values["sum"].items():
            count, name = pair[0].numel(), f"the {who}'s loss"
            where = f'with reduction="sum", of {count} times the mean, '
            require_same({name: total}, {name: values["mean"][who] * count}, where, 1e-4)

    def generator_alone(self) -> None:
        """The generator's loss needs no real logits; relativistic losses declare that they do."""
        _, fake = _logits(2, 1, 3, 4)
        self.make().generator(fake)

    def gradients(self) -> None:
        """Real and fake logits both teach the discriminator, and the fake ones the generator.

        Every image of the batch has a gradient, and more than half of its logits have.
        """
        for sizes in ([(2, 1, 3, 4)], [(2, 1, 4, 5), (2, 1, 2, 3)]):
            for who, player in _players(self.make()).items():
                pairs = [_learned(*size) for size in sizes]
                real, fake = [p[0] for p in pairs], [p[1] for p in pairs]
                value = player(real, fake) if len(pairs) > 1 else player(real[0], fake[0])
                require(value.requires_grad, f"the {who}'s loss is cut off from the logits")
                value.backward()
                logits = {"real": real, "fake": fake} if who == "discriminator" else {"fake": fake}
                for side, maps in logits.items():
                    for x in maps:
                        taught = _gradient(x) > 1e-6 * _gradient(x).max()
                        require(
                            bool(taught.any()), f"the {who} gets no gradient from {side} logits"
                        )
                        for number, image in enumerate(taught):
                            require(
                                bool(image.float().mean() > 0.5),
                                f"the {who} gets a gradient from {int(image.sum())} of the "
                                f"{image.numel()} {side} logits of image {number}",
                            )

    def no_saturation(self) -> None:
        """However wrong a logit is, it teaches: there is no clamp and no vanishing gradient.

        The gradient is at least a thousandth of what it is near 0.
        """
        for far in (20.0, 100.0):
            for who, player in _players(self.make()).items():
                right = 1.0 if who == "discriminator" else -1.0
                for side in ("real", "fake") if who == "discriminator" else ("fake",):
                    logits = dict(zip(("real", "fake"), _learned(2, 1, 3, 4), strict=True))
                    player(logits["real"], logits["fake"]).backward()
                    near = _gradient(logits[side]).sum()
                    # The other side stays near 0: only this one is far off, and on the wrong side.
                    wrong = -right if side == "real" else right
                    logits[side] = torch.full((2, 1, 3, 4), wrong * far, requires_grad=True)
                    player(logits["real"], logits["fake"]).backward()
                    require(
                        bool(_gradient(logits[side]).sum() > 1e-3 * near),
                        f"{side} logits at {wrong * far:g} give the {who} no gradient",
                    )

    def direction(self) -> None:
        """A step down raises the real and lowers the fake logits of D, and raises the fake of G.

        That of G is taken where fakes lie that D has found out, around -3.
        """
        for who, side, sign in [
            ("discriminator", "real", 1.0),
            ("discriminator", "fake", -1.0),
            ("generator", "fake", 1.0),
        ]:
            # D begins half way between the usual targets 0 and 1, so that both have a way to go.
            middles = (0.5, 0.5 if who == "discriminator" else -3.0)
            pair = zip(middles, _logits(2, 1, 6, 5), strict=True)
            real, fake = ((middle + 0.1 * x).requires_grad_() for middle, x in pair)
            _players(self.make())[who](real, fake).backward()
            logits = real if side == "real" else fake
            step = 0.0 if logits.grad is None else -logits.grad.mean().item()
            require(
                sign * step > 0,
                f"a step of the {who} moves the mean of {side} logits by {step:.2g}",
            )

    def only_computes(self) -> None:
        """Computing changes neither the logits, nor their gradients, nor the loss object."""
        component = self.make()
        before = pickle.dumps(component)
        real, fake = _learned(2, 1, 3, 4)
        with unchanged({"real logits": real, "fake logits": fake}):
            for who, player in _players(component).items():
                first, second = player(real * 1, fake * 1), player(real, fake)
                require(bool(first == second), f"called twice, the {who}'s loss differs")
        require(pickle.dumps(component) == before, "the loss object is another one afterwards")

    def gradcheck(self) -> None:
        """In float64 each gradient agrees with finite differences."""
        for player in _players(self.make()).values():
            points = [x.double().detach().requires_grad_() for x in _logits(2, 1, 3, 2)]
            torch.autograd.gradcheck(player, points)  # raises where they disagree

    def compile_(self) -> None:
        """torch.compile changes neither the losses nor their gradients."""
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


def _logits(*shape: int) -> tuple[Tensor, Tensor]:
    with seeded(9):
        return torch.randn(shape), torch.randn(shape)


def _learned(*shape: int) -> tuple[Tensor, Tensor]:
    real, fake = _logits(*shape)
    return real.requires_grad_(), fake.requires_grad_()


def _gradient(x: Tensor) -> Tensor:
    """Returns how strongly each logit is taught: 0 where nothing depends on it."""
    gradient = torch.zeros_like(x) if x.grad is None else x.grad.abs()
    require_finite(gradient, "a gradient")
    return gradient
