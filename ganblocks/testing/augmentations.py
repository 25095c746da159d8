"""The contract of augmentations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganblocks.augment import Augmentation
from ganblocks.errors import ShapeError
from ganblocks.testing.contract import (
    Subject,
    require,
    require_finite,
    require_raises,
    require_same,
    unchanged,
)
from ganblocks.testing.graphs import compiled
from ganblocks.testing.networks import EAGER, Size, outputs_and_gradients
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


class Augmenting(Subject[Augmentation]):
    """An augmentation under test."""

    kind = "augmentations"

    def __init__(
        self, make: Callable[[], Augmentation], *, size: Size = (16, 18), backend: str = EAGER
    ) -> None:
        super().__init__(make)
        self.size = size
        self.backend = backend

    def images(self, batch: int = 4, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Makes pictures and wider conditions of one size."""
        with seeded(11):
            picture = torch.rand(batch, 3, *self.size, dtype=dtype) + 0.1
            return picture, torch.cat((picture, picture), 1)

    def behavior(self, component: Augmentation) -> Tensors:
        """Returns what becomes of an example under one seed."""
        return dict(zip(("picture", "condition"), _varied(component, *self.images()), strict=True))

    def shape(self) -> None:
        """Every batch keeps its shape, its dtype and finite values; one image is enough."""
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            images = [x.to(dtype) for x in self.images()]
            for given in (images, images[:1], [x[:1] for x in images]):
                made = _varied(self.make(), *given)
                require(
                    isinstance(made, tuple) and len(made) == len(given),
                    f"for {len(given)} batches it gives {type(made).__name__} of {len(made)}",
                )
                for x, y in zip(given, made, strict=True):
                    require(
                        x.shape == y.shape and x.dtype == y.dtype,
                        f"{x.dtype} {tuple(x.shape)} becomes {y.dtype} of shape {tuple(y.shape)}",
                    )
                    require_finite(y, "its output")

    def same_draw(self) -> None:
        """What is given together is varied alike: equal images stay equal."""
        picture, condition = self.images()
        first, second, wide = _varied(self.make(), picture, picture.clone(), condition)
        require_same(
            {"the second batch": second}, {"the second batch": first}, "of two equal batches "
        )
        where = "of a batch with the same channels twice "
        require_same({"the wide batch": wide[:, 3:]}, {"the wide batch": first}, where)

    def own_draws(self) -> None:
        """Each image of a batch, and each call, has a draw of its own; the seed decides both."""
        picture, _ = self.images(1)
        batch = picture.expand(8, -1, -1, -1)
        (made,) = _varied(self.make(), batch)
        require(any(not torch.equal(x, made[0]) for x in made[1:]), "all images have one draw")
        component = self.make()
        with seeded(12):
            first, second = component(batch)[0], component(batch)[0]
        require(not torch.equal(first, second), "every call draws the same")
        require(torch.equal(_varied(component, batch)[0], made), "under one seed two draws differ")

    def mismatch(self) -> None:
        """Batches of other numbers or sizes raise a ShapeError, and are not broadcast."""
        picture, condition = self.images()
        for other in (condition[:1], condition[..., 1:], condition[0]):
            seen = f"a pair of {tuple(picture.shape)} and {tuple(other.shape)}"
            require_raises(ShapeError, self.make(), picture, other, seen=seen)

    def gradients(self) -> None:
        """Gradients pass to every batch that is given, and agree with finite differences."""
        images = [x[:2].requires_grad_() for x in self.images(dtype=torch.float64)]
        made = _varied(self.make(), *images)
        for x, y in zip(images, made, strict=True):
            require(y.requires_grad, "its output is cut off from the images")
            (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            require(bool((gradient != 0).any()), "its gradient is zero everywhere")
        component = self.make()
        torch.autograd.gradcheck(
            lambda *x: _varied(component, *x), images, fast_mode=True
        )  # raises where they disagree

    def only_computes(self) -> None:
        """Varying writes neither to the images nor to the augmentation's state."""
        component, (picture, condition) = self.make(), self.images()
        with unchanged({"images": picture, "the condition": condition}, {"its state": component}):
            component(picture, condition)

    def compile_(self) -> None:
        """torch.compile changes neither what comes out nor the gradients, draws aside."""
        component, images = self.make(), self.images()

        def call(*x: Tensor) -> list[Tensor]:
            return list(component(*x))

        # Compiled draws differ from eager ones in real backends: the sizes of what comes out, and
        # for the tracing backend, which draws alike, the values.
        with seeded(13):
            expected = outputs_and_gradients(nn.Module(), images, call)
        with seeded(13), compiled(call, self.backend) as run:
            got = outputs_and_gradients(nn.Module(), images, run)
        if self.backend == EAGER:
            require_same(got, expected, tolerance=1e-5)
        shapes = {name: tuple(x.shape) for name, x in expected.items()}
        require(
            {name: tuple(x.shape) for name, x in got.items()} == shapes, "other shapes come out"
        )

    checks = (
        *(shape, same_draw, own_draws, mismatch, gradients, only_computes),
        *(copy_, pickle_, spec, state_dict, compile_),
    )


def _varied(component: Augmentation, *images: Tensor) -> tuple[Tensor, ...]:
    with seeded(14):
        made: tuple[Tensor, ...] = component(*images)
    return made
