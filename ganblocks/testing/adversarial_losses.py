"""The contract of adversarial losses."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.losses.adversarial import AdversarialLoss
from ganblocks.losses.logits import Logits
from ganblocks.testing.contract import Check, Subject, demand, run_checks
from ganblocks.testing.graphs import compiled
from ganblocks.testing.keeping import copy_, pickle_, spec
from ganblocks.testing.networks import EAGER, outputs_and_gradients
from ganblocks.testing.tensors import Tensors, difference, seeded

Player = Callable[[Logits, Logits], Tensor]
"""What one side minimises, as a function of the real logits and the fake ones."""


@dataclass(frozen=True)
class Adversarial(Subject[AdversarialLoss]):
    """An adversarial loss under test.

    Attributes:
        make: Builds a fresh one.
        backend: Backend of torch.compile that `compile` uses.
        kind: The registry's kind.
    """

    make: Callable[[], AdversarialLoss]
    backend: str = EAGER
    kind: str = "adversarial losses"

    def behaviour(self, component: AdversarialLoss) -> Tensors:
        """Gives what each side would minimise."""
        real, fake = _logits(2, 1, 3, 4)
        return {who: player(real, fake) for who, player in _players(component).items()}


def scalar(loss: Adversarial) -> None:
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
        for who, player in _players(loss.make()).items():
            value = player(real, fake)
            demand(
                value.shape == () and value.dtype == torch.float32,
                f"for {case} the {who}'s loss is {value.dtype} of shape {tuple(value.shape)}",
            )
            demand(bool(value.isfinite()), f"for {case} the {who}'s loss is {value.item()}")


def scales(loss: Adversarial) -> None:
    """The order of the scales does not matter, and a list of one is the map itself."""
    maps = [_logits(2, 1, 6, 5), _logits(2, 1, 3, 4), _logits(2, 1, 1, 1)]
    real, fake = [m[0] for m in maps], [m[1] for m in maps]
    for who, player in _players(loss.make()).items():
        for case, got, due in [
            ("in another order", player(real[::-1], fake[::-1]), player(real, fake)),
            ("as a list of one", player(real[:1], fake[:1]), player(real[0], fake[0])),
        ]:
            off = difference({f"the {who}'s loss": got}, {f"the {who}'s loss": due})
            demand(not off, f"{case} {off}")


def reduction(loss: Adversarial) -> None:
    """A reduction that the constructor takes is heeded: a sum is the mean times the logits."""
    component = loss.make()
    if "reduction" not in inspect.signature(type(component)).parameters:
        return
    pair = _logits(2, 1, 3, 4)
    values: dict[str, dict[str, Tensor]] = {}
    for word in ("mean", "sum"):
        component.reduction = word
        values[word] = {who: player(*pair) for who, player in _players(component).items()}
    for who, total in values["sum"].items():
        due = values["mean"][who] * pair[0].numel()
        off = difference({f"the {who}'s loss": total}, {f"the {who}'s loss": due}, 1e-4)
        demand(not off, f'with reduction="sum", of {pair[0].numel()} times the mean, {off}')


def generator_alone(loss: Adversarial) -> None:
    """The generator's loss needs no real logits; relativistic losses declare that theirs does."""
    _, fake = _logits(2, 1, 3, 4)
    loss.make().generator(fake)


def gradients(loss: Adversarial) -> None:
    """Real and fake logits both teach the discriminator, and the fake ones the generator.

    Every image of the batch has a gradient, and more than half of its logits have.
    """
    for sizes in ([(2, 1, 3, 4)], [(2, 1, 4, 5), (2, 1, 2, 3)]):
        for who, player in _players(loss.make()).items():
            pairs = [_learnt(*size) for size in sizes]
            real, fake = [p[0] for p in pairs], [p[1] for p in pairs]
            value = player(real, fake) if len(pairs) > 1 else player(real[0], fake[0])
            demand(value.requires_grad, f"the {who}'s loss is cut off from the logits")
            value.backward()
            logits = {"real": real, "fake": fake} if who == "discriminator" else {"fake": fake}
            for side, maps in logits.items():
                for x in maps:
                    taught = _gradient(x) > 1e-6 * _gradient(x).max()
                    demand(bool(taught.any()), f"the {who} gets no gradient from {side} logits")
                    for number, image in enumerate(taught):
                        demand(
                            bool(image.float().mean() > 0.5),
                            f"the {who} gets a gradient from {int(image.sum())} of the "
                            f"{image.numel()} {side} logits of image {number}",
                        )


def no_saturation(loss: Adversarial) -> None:
    """However wrong a logit is, it teaches: there is no clamp and no vanishing gradient.

    The gradient is at least a thousandth of what it is near 0.
    """
    for far in (20.0, 100.0):
        for who, player in _players(loss.make()).items():
            right = 1.0 if who == "discriminator" else -1.0
            for side in ("real", "fake") if who == "discriminator" else ("fake",):
                logits = dict(zip(("real", "fake"), _learnt(2, 1, 3, 4), strict=True))
                player(logits["real"], logits["fake"]).backward()
                near = _gradient(logits[side]).sum()
                # The other side stays near 0: only this one is far off, and on the wrong side.
                wrong = -right if side == "real" else right
                logits[side] = torch.full((2, 1, 3, 4), wrong * far, requires_grad=True)
                player(logits["real"], logits["fake"]).backward()
                demand(
                    bool(_gradient(logits[side]).sum() > 1e-3 * near),
                    f"{side} logits at {wrong * far:g} give the {who} no gradient",
                )


def direction(loss: Adversarial) -> None:
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
        _players(loss.make())[who](real, fake).backward()
        logits = real if side == "real" else fake
        step = 0.0 if logits.grad is None else -logits.grad.mean().item()
        demand(
            sign * step > 0, f"a step of the {who} moves the mean of {side} logits by {step:.2g}"
        )


def only_computes(loss: Adversarial) -> None:
    """Computing changes nothing: neither the logits, nor their gradients, nor the loss object."""
    component = loss.make()
    before = pickle.dumps(component)
    real, fake = _learnt(2, 1, 3, 4)
    copies = (real.detach().clone(), fake.detach().clone())
    for who, player in _players(component).items():
        first, second = player(real * 1, fake * 1), player(real, fake)
        demand(bool(first == second), f"called twice, the {who}'s loss differs")
    for side, x, copy in zip(("real", "fake"), (real, fake), copies, strict=True):
        demand(x._version == 0 and torch.equal(x, copy), f"{side} logits were written to")
        demand(x.grad is None, f"it ran backward: {side} logits have a gradient")
    demand(pickle.dumps(component) == before, "the loss object is another one afterwards")


def gradcheck(loss: Adversarial) -> None:
    """In float64 each gradient agrees with finite differences."""
    for player in _players(loss.make()).values():
        points = [x.double().detach().requires_grad_() for x in _logits(2, 1, 3, 2)]
        torch.autograd.gradcheck(player, points)  # raises where they disagree


def compile_(loss: Adversarial) -> None:
    """torch.compile changes neither the losses nor their gradients."""
    logits = _logits(2, 1, 3, 4)
    for who, player in _players(loss.make()).items():
        expected = outputs_and_gradients(nn.Module(), logits, player)
        with compiled(player, loss.backend) as run:
            off = difference(outputs_and_gradients(nn.Module(), logits, run), expected, 1e-5)
        demand(not off, f"for the {who} {off}")


ADVERSARIAL_LOSS_CHECKS: tuple[Check, ...] = (
    scalar,
    scales,
    reduction,
    generator_alone,
    gradients,
    no_saturation,
    direction,
    only_computes,
    gradcheck,
    copy_,
    pickle_,
    spec,
    compile_,
)


def check_adversarial_loss(
    factory: Callable[[], AdversarialLoss],
    *,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that an adversarial loss keeps the contract of adversarial losses.

    Args:
        factory: Builds a fresh loss.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("adversarial loss")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import VanillaLoss
        >>> check_adversarial_loss(VanillaLoss, only=["no_saturation", "gradcheck"])
    """
    run_checks(Adversarial(factory, backend), ADVERSARIAL_LOSS_CHECKS, only)


def _players(loss: AdversarialLoss) -> dict[str, Player]:
    return {
        "discriminator": loss.discriminator,
        "generator": lambda real, fake: loss.generator(fake, real),
    }


def _logits(*shape: int) -> tuple[Tensor, Tensor]:
    with seeded(9):
        return torch.randn(shape), torch.randn(shape)


def _learnt(*shape: int) -> tuple[Tensor, Tensor]:
    real, fake = _logits(*shape)
    return real.requires_grad_(), fake.requires_grad_()


def _gradient(x: Tensor) -> Tensor:
    """Gives how strongly each logit is taught: 0 where nothing depends on it."""
    gradient = torch.zeros_like(x) if x.grad is None else x.grad.abs()
    demand(bool(gradient.isfinite().all()), "a gradient is not finite")
    return gradient
