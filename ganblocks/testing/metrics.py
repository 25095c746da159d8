"""The contract of metrics: images in, an estimate out."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import ShapeError
from ganblocks.metrics import Estimate, ImageMetric, Metric
from ganblocks.testing.contract import Tester, require, require_raises, require_same, unchanged
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded


class MetricTester(Tester[Metric]):
    """Tests a metric."""

    kind = "metrics"
    options = ("size",)
    default_size = (48, 40)

    def images(self, batch: int = 5) -> tuple[Tensor, Tensor, Tensor]:
        """Returns generated images, different but related targets, and the targets' signs.

        The signs are the sources, label maps of eight colors.
        """
        with seeded(8):
            real = torch.rand(batch, 3, *self.size) * 2 - 1
            return 0.7 * real + 0.3 * (torch.rand_like(real) * 2 - 1), real, real.sign()

    def behavior(self, component: Metric) -> Tensors:
        """Returns the estimate of an example."""
        component.reset()
        component.update(*self.images())
        return _tensors(component.compute())

    def estimate(self) -> None:
        """`compute` returns a finite value, an error ≥ 0 or NaN, and the number of images."""
        component = self.make()
        component.update(*self.images())
        result = component.compute()
        require(isinstance(result, Estimate), f"it returns a {type(result).__name__}")
        require(abs(result.value) < torch.inf, f"the value is {result.value}")
        require(not result.error < 0, f"the error is {result.error}")
        require(result.count == 5, f"the count is {result.count} for 5 images")

    def batches(self) -> None:
        """Images in one batch, in several and one by one have the same estimate."""
        expected = self.behavior(self.make())
        for size in (1, 2):
            component = self.make()
            for trio in zip(*(x.split(size) for x in self.images()), strict=True):
                component.update(*trio)
            require_same(_tensors(component.compute()), expected, f"in batches of {size}, ")

    def reset(self) -> None:
        """After `reset`, earlier images have no effect."""
        component, (fake, real, source) = self.make(), self.images()
        expected = self.behavior(self.make())
        component.update(real.flip(0), fake, source)
        component.reset()
        component.update(fake, real, source)
        require_same(_tensors(component.compute()), expected, "after a reset, ")

    def direction(self) -> None:
        """The real images themselves score no worse than the generated ones, as `better` says."""
        component, (fake, real, source) = self.make(), self.images()
        require(component.better in ("lower", "higher"), f"better is {component.better!r}")
        worse = self.behavior(component)["value"]
        component.reset()
        near = real + 1e-4 * fake  # equal images can have an infinite value
        component.update(near, real, source)
        sign = 1 if component.better == "higher" else -1
        best = component.compute().value
        require(sign * best >= sign * worse, f"real images score {best}, others {worse.item()}")

    def each(self) -> None:
        """An image metric has one value per image, and their mean is the estimate."""
        component = self.make()
        if not isinstance(component, ImageMetric):
            return
        value = self.behavior(component)["value"]
        require(len(component.values) == 5, f"5 images have {len(component.values)} values")
        mean = torch.tensor(component.values, dtype=torch.float64).mean()
        require_same({"the value": value}, {"the value": mean}, "unlike the mean, ")

    def mismatch(self) -> None:
        """A single image without a batch axis, and images of two shapes, raise a ShapeError."""
        component, (fake, real, source) = self.make(), self.images()
        cases = {"a pair (C, H, W)": (fake[0], real[0], source)}
        if component.needs_pairs:
            cases["1 image with 5 targets"] = (fake[:1], real, source)
        if getattr(component, "needs_source", False):
            cases["5 images with 1 source"] = (fake, real, source[:1])
        for case, images in cases.items():
            require_raises(ShapeError, component.update, *images, case=case)

    def only_computes(self) -> None:
        """`update` leaves images unchanged, and `compute` can be repeated."""
        component, (fake, real, source) = self.make(), self.images()
        with unchanged({"the fake images": fake, "the real images": real, "the sources": source}):
            component.update(fake, real, source)
        first = _tensors(component.compute())
        require_same(_tensors(component.compute()), first, "computed again, ")

    checks = (
        *(estimate, batches, reset, direction, each, mismatch, only_computes),
        *(copy_, pickle_, spec),
    )


def _tensors(estimate: Estimate) -> Tensors:
    """Returns the numbers by name; an unknown error is −1, since NaN differs from NaN."""
    value, error, count = (torch.tensor(x, dtype=torch.float64) for x in estimate)
    return {"value": value, "error": error.nan_to_num(-1), "count": count}
