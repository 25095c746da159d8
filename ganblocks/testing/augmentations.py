"""The contract of augmentations."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.augment import Augmentation
from ganblocks.testing.contract import (
    EAGER,
    Tester,
    require,
    require_finite,
    require_same,
    require_same_shapes,
    unchanged,
)
from ganblocks.testing.graphs import compiled
from ganblocks.testing.networks import outputs_and_gradients
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import Tensors, seeded


class AugmentationTester(Tester[Augmentation]):
    """Tests an augmentation."""

    kind = "augmentations"
    options = ("size", "backend")
    default_size = (16, 18)

    def images(self, batch: int = 4, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Returns images, and conditions with twice the channels."""
        with seeded(11):
            image = torch.rand(batch, 3, *self.size, dtype=dtype) + 0.1
            return image, torch.cat((image, image), 1)

    def behavior(self, component: Augmentation) -> Tensors:
        """Returns an augmented example under one seed."""
        results = _augmented(component, *self.images())
        return dict(zip(("image", "condition"), results, strict=True))

    def shape(self) -> None:
        """Batches keep their shapes, dtypes and finite values, even a single batch or image."""
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            batches = [x.to(dtype) for x in self.images()]
            for inputs in (batches, batches[:1], [x[:1] for x in batches]):
                results = _augmented(self.make(), *inputs)
                require(
                    isinstance(results, tuple) and len(results) == len(inputs),
                    f"for {len(inputs)} batches it returns a {type(results).__name__} of "
                    f"{len(results)}",
                )
                for x, y in zip(inputs, results, strict=True):
                    require(
                        x.shape == y.shape and x.dtype == y.dtype,
                        f"{x.dtype} {tuple(x.shape)} becomes {y.dtype} of shape {tuple(y.shape)}",
                    )
                    require_finite(y, "its output")

    def same_draw(self) -> None:
        """Batches passed together get the same draws: equal images stay equal."""
        image, condition = self.images()
        first, second, wide = _augmented(self.make(), image, image.clone(), condition)
        for where, result in {
            "of two equal batches ": second,
            "of a batch with the same channels twice ": wide[:, 3:],
        }.items():
            require_same({"the second batch": result}, {"the second batch": first}, where)

    def own_draws(self) -> None:
        """Each image of a batch, and each call, has its own draw, determined by the seed."""
        image, _ = self.images(1)
        batch = image.expand(8, -1, -1, -1)
        (result,) = _augmented(self.make(), batch)
        require(
            any(not torch.equal(x, result[0]) for x in result[1:]), "all images have the same draw"
        )
        component = self.make()
        with seeded(12):
            first, second = component(batch)[0], component(batch)[0]
        require(not torch.equal(first, second), "every call draws the same")
        again = _augmented(component, batch)[0]
        require(torch.equal(again, result), "two draws differ under the same seed")

    def mismatch(self) -> None:
        """Batches of different lengths or sizes raise a ShapeError, and are not broadcast."""
        image, condition = self.images()
        others = (condition[:1], condition[..., 1:], condition[0])
        require_same_shapes(self.make(), image, *others)

    def gradients(self) -> None:
        """Every batch gets a gradient, which agrees with finite differences."""
        images = [x[:2].requires_grad_() for x in self.images(dtype=torch.float64)]
        component = self.make()
        for x, y in zip(images, _augmented(component, *images), strict=True):
            require(y.requires_grad, "its output is detached from the images")
            (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            require((gradient != 0).any(), "its gradient is zero everywhere")
        torch.autograd.gradcheck(lambda *x: _augmented(component, *x), images, fast_mode=True)

    def only_computes(self) -> None:
        """A call leaves the images and the augmentation's state unchanged."""
        component, (image, condition) = self.make(), self.images()
        with unchanged({"the images": image, "the condition": condition}, augmentation=component):
            component(image, condition)

    def compile_(self) -> None:
        """torch.compile leaves outputs and gradients unchanged, apart from the draws."""
        component, images = self.make(), self.images()
        expected = outputs_and_gradients(component, images)
        with compiled(component, self.backend) as call:
            result = outputs_and_gradients(call, images, module=component)
        if self.backend == EAGER:  # other backends draw other numbers
            require_same(result, expected, tolerance=1e-5)
        shapes, expected_shapes = (
            {name: tuple(x.shape) for name, x in tensors.items()} for tensors in (result, expected)
        )
        require(shapes == expected_shapes, f"shapes are {shapes} instead of {expected_shapes}")

    checks = (
        *(shape, same_draw, own_draws, mismatch, gradients, only_computes),
        *(copy_, pickle_, spec, state_dict, compile_),
    )


def _augmented(component: Augmentation, *images: Tensor) -> tuple[Tensor, ...]:
    with seeded(14):
        results: tuple[Tensor, ...] = component(*images)
    return results
