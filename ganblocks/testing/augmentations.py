"""The contract of augmentations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.augment import Augmentation
from ganblocks.errors import ShapeError
from ganblocks.testing.contract import Check, Subject, demand, run_checks
from ganblocks.testing.graphs import compiled
from ganblocks.testing.keeping import copy_, pickle_, spec, state_dict
from ganblocks.testing.networks import EAGER, Size, outputs_and_gradients
from ganblocks.testing.tensors import Tensors, difference, seeded


@dataclass(frozen=True)
class Augmenting(Subject[Augmentation]):
    """An augmentation under test.

    Attributes:
        make: Builds a fresh one.
        size: Height and width of the images.
        backend: Backend of torch.compile that `compile` uses.
        kind: The registry's kind.
    """

    make: Callable[[], Augmentation]
    size: Size = (16, 18)
    backend: str = EAGER
    kind: str = "augmentations"

    def images(self, batch: int = 4, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Makes pictures and wider conditions of one size."""
        with seeded(11):
            picture = torch.rand(batch, 3, *self.size, dtype=dtype) + 0.1
            return picture, torch.cat((picture, picture), 1)

    def behaviour(self, component: Augmentation) -> Tensors:
        """Gives what becomes of an example under one seed."""
        return dict(zip(("picture", "condition"), _varied(component, *self.images()), strict=True))


def shape(subject: Augmenting) -> None:
    """Every batch keeps its shape, its dtype and finite values; one image is enough."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        images = [x.to(dtype) for x in subject.images()]
        for given in (images, images[:1], [x[:1] for x in images]):
            made = _varied(subject.make(), *given)
            demand(
                isinstance(made, tuple) and len(made) == len(given),
                f"for {len(given)} batches it gives {type(made).__name__} of {len(made)}",
            )
            for x, y in zip(given, made, strict=True):
                demand(
                    x.shape == y.shape and x.dtype == y.dtype,
                    f"{x.dtype} of shape {tuple(x.shape)} becomes {y.dtype} of {tuple(y.shape)}",
                )
                demand(bool(y.isfinite().all()), "its output is not finite")


def same_draw(subject: Augmenting) -> None:
    """What is given together is varied alike: equal images stay equal."""
    picture, condition = subject.images()
    first, second, wide = _varied(subject.make(), picture, picture.clone(), condition)
    off = difference({"the second batch": second}, {"the second batch": first})
    demand(not off, f"of two equal batches {off}")
    off = difference({"the wide batch": wide[:, 3:]}, {"the wide batch": first})
    demand(not off, f"of a batch with the same channels twice {off}")


def own_draws(subject: Augmenting) -> None:
    """Each image of a batch, and each call, has a draw of its own; the seed decides both."""
    picture, _ = subject.images(1)
    batch = picture.expand(8, -1, -1, -1)
    (made,) = _varied(subject.make(), batch)
    demand(any(not torch.equal(x, made[0]) for x in made[1:]), "all images have one draw")
    component = subject.make()
    with seeded(12):
        first, second = component(batch)[0], component(batch)[0]
    demand(not torch.equal(first, second), "every call draws the same")
    demand(torch.equal(_varied(component, batch)[0], made), "under one seed two draws differ")


def mismatch(subject: Augmenting) -> None:
    """Batches of other numbers or sizes raise a ShapeError, and are not broadcast."""
    picture, condition = subject.images()
    for other in (condition[:1], condition[..., 1:], condition[0]):
        try:
            subject.make()(picture, other)
        except ShapeError:
            continue
        demand(False, f"{tuple(picture.shape)} and {tuple(other.shape)} raise nothing")


def gradients(subject: Augmenting) -> None:
    """Gradients pass to every batch that is given, and agree with finite differences."""
    images = [x[:2].requires_grad_() for x in subject.images(dtype=torch.float64)]
    made = _varied(subject.make(), *images)
    for x, y in zip(images, made, strict=True):
        demand(y.requires_grad, "its output is cut off from the images")
        (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
        demand(bool((gradient != 0).any()), "its gradient is zero everywhere")
    component = subject.make()
    torch.autograd.gradcheck(
        lambda *x: _varied(component, *x), images, fast_mode=True
    )  # raises where they disagree


def only_computes(subject: Augmenting) -> None:
    """Varying writes neither to the images nor to the augmentation's state."""
    component, images = subject.make(), subject.images()
    before = {name: t.clone() for name, t in component.state_dict().items()}
    copies = [x.clone() for x in images]
    component(*images)
    for x, copy in zip(images, copies, strict=True):
        demand(torch.equal(x, copy), "the images were written to")
    off = difference(component.state_dict(), before, 0)
    demand(not off, f"of its state {off}")


def compile_(subject: Augmenting) -> None:
    """torch.compile changes neither what comes out nor the gradients, draws aside."""
    component, images = subject.make(), subject.images()

    def call(*x: Tensor) -> list[Tensor]:
        return list(component(*x))

    # Compiled draws differ from eager ones in real backends: the sizes of what comes out, and
    # for the tracing backend, which draws alike, the values.
    with seeded(13):
        expected = outputs_and_gradients(nn.Module(), images, call)
    with seeded(13), compiled(call, subject.backend) as run:
        got = outputs_and_gradients(nn.Module(), images, run)
    if subject.backend == EAGER:
        off = difference(got, expected, 1e-5)
        demand(not off, off)
    shapes = {name: tuple(x.shape) for name, x in expected.items()}
    demand({name: tuple(x.shape) for name, x in got.items()} == shapes, "other shapes come out")


AUGMENTATION_CHECKS: tuple[Check, ...] = (
    shape,
    same_draw,
    own_draws,
    mismatch,
    gradients,
    only_computes,
    copy_,
    pickle_,
    spec,
    state_dict,
    compile_,
)


def check_augmentation(
    factory: Callable[[], Augmentation],
    *,
    size: Size = (16, 18),
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that an augmentation keeps the contract of augmentations.

    Args:
        factory: Builds a fresh augmentation.
        size: Height and width of the images.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("augmentation")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import Cutout
        >>> check_augmentation(Cutout, only=["same_draw", "own_draws"])
    """
    run_checks(Augmenting(factory, size, backend), AUGMENTATION_CHECKS, only)


def _varied(component: Augmentation, *images: Tensor) -> tuple[Tensor, ...]:
    with seeded(14):
        made: tuple[Tensor, ...] = component(*images)
    return made
